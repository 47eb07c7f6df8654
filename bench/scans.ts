/**
 * What goes over all of memory beside what it takes to hash the same file: `b3sum --num-threads 1`. All take turns, and
 * medians are told, so that what else the machine does falls on each alike.
 */

import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { enlarged } from './enlarge.js'
import { has, measure, median, ROOT, type Run, SALVOR, seconds } from './measure.js'

const ROUNDS = 5
const RULES = 100
/** In no memory but that of this program. */
const NOWHERE = ['zq', 'Xno', 'where9'].join('')
const NAMES = ['xmrig-', 'implant-', 'beacon-', 'dropper-', 'payload-', 'kinsing-', 'masscan-', 'stratum-']

interface Case {
  readonly name: string
  readonly command: readonly string[]
}

/** Rules with a text in any case, a text, bytes with a gap and an expression each; the same ones every time. */
function rules(): string {
  let state = 1
  const next = (below: number) => {
    state = (state * 48_271) % 0x7fff_ffff
    return state % below
  }
  const letters = () => Array.from({ length: 8 + next(12) }, () => String.fromCharCode(97 + next(26))).join('')
  const hex = (bytes: number) => Array.from({ length: bytes }, () => next(256).toString(16).padStart(2, '0')).join(' ')
  return Array.from({ length: RULES }, (_, number) => {
    const name = NAMES[next(NAMES.length)] ?? ''
    const strings = [
      `$a = "${letters()}" nocase`,
      `$b = "${name}${hex(4).replaceAll(' ', '')}"`,
      `$h = { ${hex(6)} ?? ${hex(1)} [2-4] ${hex(1)} }`,
      `$r = /${name}[a-z0-9]{4,12}=\\d+/`,
    ]
    return `rule r${number} { strings: ${strings.join(' ')} condition: any of them }`
  }).join('\n')
}

/** Each case once to begin with, then in turns. */
function inTurns(cases: readonly Case[]): Run[] {
  const runs = cases.map(({ command }) => [measure(command)].slice(1))
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, { command }] of cases.entries()) runs[index]?.push(measure(command))
  }
  return runs.map((all) => ({
    cpu: median(all.map(({ cpu }) => cpu)),
    wall: median(all.map(({ wall }) => wall)),
    code: all.find(({ code }) => code !== 0)?.code ?? 0,
  }))
}

/** Measures searches, and tells of them; what they took, by name. With copies, on an image of so many times the memory. */
export function measureScans(asked: string, copies = 1): Record<string, Run> {
  const folder = mkdtempSync(join(tmpdir(), 'salvor-bench-'))
  try {
    const image = copies > 1 ? enlarged(asked, copies, folder) : asked
    const file = join(folder, 'rules.yar')
    writeFileSync(file, rules())
    const isBuilt = existsSync(join(ROOT, 'native-yara')) && readdirSync(join(ROOT, 'native-yara')).some(isAddon)
    if (!isBuilt) console.log('the addon for YARA rules is not built (npm run build:yara): it is not measured')
    const isThere = has('b3sum')
    if (!isThere) console.log('b3sum is not installed: searches alone are measured')
    const kinds: [string, string[]][] = [
      ['search, nothing found', ['search', '--text', NOWHERE]],
      ['search, hits', ['search', '--text', 'passwd']],
      ...(isBuilt ? ([[`yara, ${RULES} rules`, ['yara', '--rules', file]]] as [string, string[]][]) : []),
    ]
    const cases = kinds.flatMap(([name, asked]) =>
      [1, 2].map((threads) => ({
        name: `${name}, ${threads === 1 ? 'one thread' : `${threads} threads`}`,
        command: [...SALVOR, ...asked, image, '--threads', String(threads), '-q', '-f', 'ndjson'],
      })),
    )
    const hash = isThere ? [{ name: 'b3sum, one thread', command: ['b3sum', '--num-threads', '1', image] }] : []
    const all = [...hash, ...cases]
    const runs = inTurns(all)
    const reference = isThere ? (runs[0]?.cpu ?? Number.NaN) : Number.NaN
    console.log(`${''.padEnd(36)}     CPU      wall  times b3sum's CPU`)
    for (const [index, { name }] of all.entries()) {
      const { cpu, wall, code } = runs[index] as Run
      const times = isThere ? (cpu / reference).toFixed(1).padStart(7) : ''
      console.log(
        `${name.padEnd(36)}${seconds(cpu)}  ${seconds(wall)}${times}${code === 0 ? '' : ` (ended with ${code})`}`,
      )
    }
    return Object.fromEntries(all.map(({ name }, index) => [name, runs[index] as Run]))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const isAddon = (name: string): boolean => name.endsWith('.node')
