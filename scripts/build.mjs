// npm run build: the native core, then TypeScript.
import { prepare } from './steps.mjs'

await prepare()
