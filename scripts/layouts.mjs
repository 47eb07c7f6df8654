// npm run layouts [FOLDER…]: see layouts/report.mjs.
import { prepare } from './steps.mjs'

await prepare()
// Only now is there a build to import.
await import('./layouts/report.mjs')
