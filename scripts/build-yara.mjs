// npm run build:yara: the optional addon for YARA rules.
import { buildYara, install } from './steps.mjs'

await install()
await buildYara()
