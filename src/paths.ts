/**
 * Where the build's parts lie. This module is two levels below the package both as tsc compiles it (dist/src) and
 * inside the bundle (dist/bundle), so all paths start here.
 */
const root = new URL('../../', import.meta.url)

export const packageJson = new URL('package.json', root)
/** What napi-rs generates: picks the addon that fits this machine. */
export const addon = new URL('native/index.cjs', root)
/** The same of the addon for YARA rules, which may not be there. */
export const yaraAddon = new URL('native-yara/index.cjs', root)
/** The bundle: the command line, the workers and the built-in analyzers, each in few files that load fast. */
export const bundle = new URL('dist/bundle/', root)
/** The queries that salvor brings along, a file for each. */
export const queries = new URL('queries/', bundle)
/** The scripts that plans of acquisition are made of. */
export const templates = new URL('templates/', bundle)
/** The page of reports, with a place for data. */
export const reportPage = new URL('report.html', bundle)
