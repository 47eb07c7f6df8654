// node scripts/velociraptor.mjs CHECKOUT: builds the verifier of artifacts that is in a checkout of
// github.com/Velocidex/velociraptor, for test/deploy. Nothing is written into the checkout.
//
// All of Velociraptor wants its web page and its tools built first. The verifier needs none of them: what is made of them
// is empty here, but the description of the query language's functions.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { arch, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { root } from './lib.mjs'

/** The verifier, as test/deploy looks for it. */
export const verifier = join(root, 'node_modules', '.cache', `salvor-velociraptor-${arch()}`, 'verify')

/** What Velociraptor's own build makes, by package. */
const made = (description) => ({
  'artifacts/assets': `var FileDocsReferencesVqlYaml = []byte{}
var Inventory = map[string]string{}
func ReadFile(string) ([]byte, error) { return []byte(${JSON.stringify(description)}), nil }`,
  config: 'var FileConfigDefaultYaml = []byte{}',
  crypto: 'var FileCryptoCaCertificatesCrt = []byte{}',
})

/** A module that neither part of the verifier imports, and that not every proxy has. */
const UNUSED = 'www.velocidex.com/golang/go-ese'

function build(checkout) {
  const folder = mkdtempSync(join(tmpdir(), 'salvor-velociraptor-'))
  const put = (name, text) => {
    writeFileSync(join(folder, name), text)
    return join(folder, name)
  }
  try {
    const replaced = { [join(checkout, 'salvor', 'main.go')]: join(root, 'test', 'deploy', 'velociraptor.go') }
    const packages = made(readFileSync(join(checkout, 'docs', 'references', 'vql.yaml'), 'utf8'))
    for (const [path, text] of Object.entries(packages)) {
      const name = path.split('/').at(-1)
      replaced[join(checkout, path, 'salvor_made.go')] = put(`${name}.go`, `package ${name}\n\n${text}\n`)
    }
    const overlay = put('overlay.json', JSON.stringify({ Replace: replaced }))
    mkdirSync(join(folder, 'unused'))
    put('unused/go.mod', `module ${UNUSED}\n`)
    const replace = `\nreplace ${UNUSED} => ${join(folder, 'unused')}\n`
    const modules = put('go.mod', readFileSync(join(checkout, 'go.mod'), 'utf8') + replace)
    put('go.sum', readFileSync(join(checkout, 'go.sum'), 'utf8'))
    const how = ['-mod=mod', `-modfile=${modules}`, `-overlay=${overlay}`, '-buildvcs=false', '-o', verifier]
    execFileSync('go', ['build', ...how, './salvor'], { cwd: checkout, stdio: 'inherit' })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

if (import.meta.filename === process.argv[1]) {
  const [, , checkout] = process.argv
  if (checkout === undefined) {
    process.stderr.write(
      'node scripts/velociraptor.mjs CHECKOUT: a clone of https://github.com/Velocidex/velociraptor\n',
    )
    process.exit(2)
  }
  build(resolve(checkout))
}
