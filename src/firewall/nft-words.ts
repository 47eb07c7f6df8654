/** Rules as `nft list ruleset` words them. */

import { hexText } from '../bytes-text.js'
import { addressOf, prefixLength } from './bytes.js'
import { type Context, learned, operandWords, ordered, type Worded } from './nft-operands.js'
import { otherWords } from './nft-other.js'
import { type Operand, pointerOf, type Statement } from './nft-statements.js'
import { rangeText, TYPES, type Type } from './nft-values.js'

/** Names of what rules lead to. */
export interface Names {
  chain: (chain: bigint) => string | null
  /** `@name`, or the elements of one without a name; `types` are those of what is looked for. */
  set: (set: bigint, types: readonly Type[]) => string
}

/** What headers a table's family makes sure of. */
const FAMILIES: Readonly<Record<string, string>> = { ip: 'ip', ip6: 'ip6', arp: 'arp' }

/** NF_DROP, NF_ACCEPT, NFT_CONTINUE, NFT_BREAK, NFT_JUMP, NFT_GOTO and NFT_RETURN. */
const VERDICTS: Readonly<Record<number, string>> = {
  0: 'drop',
  1: 'accept',
  [-1]: 'continue',
  [-2]: 'break',
  [-5]: 'return',
}
const JUMPS: Readonly<Record<number, string>> = { [-3]: 'jump', [-4]: 'goto' }

/** A verdict in words. */
export function verdictWords(code: number, chain: string | null): string {
  const jump = JUMPS[code]
  return jump === undefined ? (VERDICTS[code] ?? `verdict ${code}`) : `${jump} ${chain ?? '?'}`
}

/** A rule's words, one for each statement. */
export function nftWords(
  family: string,
  statements: readonly Statement[],
  comment: string | null,
  names: Names,
): string[] {
  const rule = new Rule(family, names)
  for (const statement of statements) rule.add(statement)
  return [...rule.words, ...(comment === null ? [] : [`comment "${comment}"`])]
}

class Rule {
  readonly #words: (string | null)[] = []
  readonly #context: Context
  readonly #names: Names
  readonly #family: string
  /** Which word made sure of a header: what looks into that header says so by itself. */
  readonly #assured = new Map<'network' | 'transport', number>()

  constructor(family: string, names: Names) {
    this.#family = family
    this.#names = names
    this.#context = { network: FAMILIES[family] ?? null, transport: null }
  }

  get words(): string[] {
    return this.#words.filter((word) => word !== null)
  }

  add(statement: Statement): void {
    switch (statement.kind) {
      case 'compare':
        this.#compare(statement)
        return
      case 'range': {
        const { text, type } = this.#operand(statement.left)
        const range = rangeText({ ...type, network: false }, statement.from, statement.to)
        this.#words.push(`${text} ${statement.inverted ? '!= ' : ''}${range}`)
        return
      }
      case 'lookup':
        this.#words.push(
          `${this.#keys(statement.left)} ${statement.inverted ? '!= ' : ''}${this.#set(statement.set, statement.left)}`,
        )
        return
      case 'vmap':
        this.#words.push(`${this.#keys(statement.left)} vmap ${this.#set(statement.set, statement.left)}`)
        return
      case 'verdict':
        this.#words.push(verdictWords(statement.code, this.#names.chain(statement.chain)))
        return
      case 'assign': {
        const { text, type } = this.#operand({ kind: statement.to, fields: statement.fields })
        this.#words.push(`${text} set ${this.#value(statement.value, type)}`)
        return
      }
      default:
        this.#words.push(
          otherWords(statement, this.#family, (operand, type) => this.#value(operand, type), this.#names),
        )
    }
  }

  #set(set: bigint, left: readonly Operand[]): string {
    return this.#names.set(
      set,
      left.map((part) => this.#operand(part).type),
    )
  }

  #keys(left: readonly Operand[]): string {
    return left.map((part) => this.#operand(part).text).join(' . ')
  }

  /** What an operand is called; the word that made sure of its header is not needed then. */
  #operand(operand: Operand): Worded {
    const worded = operandWords(operand, this.#context, (map) => this.#map(map))
    if (worded.needs !== undefined) {
      const word = this.#assured.get(worded.needs)
      if (word !== undefined) this.#words[word] = null
    }
    return worded
  }

  #map({ fields, from = [] }: Operand): string {
    return `${this.#keys(from)} map ${this.#set(pointerOf(fields.set), from)}`
  }

  #value(operand: Operand, type: Type): string {
    if (operand.kind !== 'immediate') return this.#operand(operand).text
    const [data, length] = [operand.fields.data, Number(operand.fields.dlen ?? 0)]
    return data instanceof Uint8Array ? type.text(data.subarray(0, type.length || length)) : '?'
  }

  #compare({ left, comparison, data }: Extract<Statement, { kind: 'compare' }>): void {
    const { mask: _, xor: __, ...bare } = left
    const { text, type } = this.#operand(bare)
    const operator = comparison === '==' ? '' : `${comparison} `
    const facts = comparison === '==' && left.mask === undefined ? learned(left, data, this.#context) : null
    this.#words.push(comparisonWords(left, text, type, operator, data))
    if (facts === null) return
    Object.assign(this.#context, facts)
    for (const header of ['network', 'transport'] as const) {
      if (header in facts) this.#assured.set(header, this.#words.length - 1)
    }
  }
}

function comparisonWords(left: Operand, text: string, type: Type, operator: string, data: Uint8Array): string {
  const { mask } = left
  if (left.kind === 'fib' && Number(left.fields.result) < 3 && data.every((byte) => byte === 0)) {
    return `${text} ${operator === '' ? 'missing' : 'exists'}`
  }
  if (mask === undefined) {
    // A network of whole bytes is compared in as many.
    if (type.network && data.length < type.length) {
      const whole = new Uint8Array(type.length)
      whole.set(data)
      return `${text} ${operator}${addressOf(whole)}/${8 * data.length}`
    }
    return `${text} ${operator}${type.text(data)}`
  }
  const prefix = type.network ? prefixLength(mask) : null
  if (prefix !== null) return `${text} ${operator}${type.text(data)}/${prefix}`
  if (type.bits && data.every((byte) => byte === 0))
    return `${text} ${operator === '!= ' ? '' : '! '}${type.text(mask)}`
  if (type.bits) return `${text} ${operator}${type.text(data)} / ${type.text(mask)}`
  const hex = type === TYPES.mark ? TYPES.mark.text(mask) : `0x${hexText(ordered(type, mask))}`
  return `${text} & ${hex} ${operator === '' ? '== ' : operator}${type.text(data)}`
}
