/** Files of symbols and types, of the forms in which others hand them in, made of a kernel's own BTF and symbols. */

import { deflateSync } from 'node:zlib'

const KINDS = [
  'void',
  'int',
  'pointer',
  'array',
  'struct',
  'union',
  'enum',
  'forward',
  'typedef',
  'volatile',
  'const',
  'restrict',
  'function',
  'prototype',
  'variable',
  'section',
  'float',
  'decl-tag',
  'type-tag',
  'enum64',
] as const

interface Member {
  name: string
  type: number
  /** Bits from the start. */
  offset: number
  /** Width of a bit-field. */
  bits: number
}

interface Type {
  kind: (typeof KINDS)[number]
  name: string
  /** Bytes, or the type that it refers to. */
  value: number
  flag: boolean
  members: Member[]
  constants: [name: string, value: bigint][]
  count: number
  encoding: number
}

export interface NamedAddress {
  name: string
  address: bigint
  type: string
}

/** Words behind a record's three: once, and for each entry. */
const WORDS: Readonly<Record<string, [number, number]>> = {
  int: [1, 0],
  array: [3, 0],
  struct: [0, 3],
  union: [0, 3],
  enum: [0, 2],
  prototype: [0, 2],
  variable: [1, 0],
  section: [0, 3],
  'decl-tag': [1, 0],
  enum64: [0, 3],
}

/** The types of a section of BTF (include/uapi/linux/btf.h), by id. */
export function typesOf(btf: Buffer): Type[] {
  const word = (at: number) => btf.readUInt32LE(at)
  const start = word(4)
  const [from, to, strings] = [start + word(8), start + word(8) + word(12), start + word(16)]
  const text = (at: number) => btf.toString('latin1', strings + at, btf.indexOf(0, strings + at))
  const none = { name: '', value: 0, flag: false, members: [], constants: [], count: 0, encoding: 0 }
  const types: Type[] = [{ ...none, kind: 'void' }]
  for (let at = from; at < to; ) {
    const info = word(at + 4)
    const kind = KINDS[(info >>> 24) & 0x1f] ?? 'void'
    const [count, flag] = [info & 0xffff, info >>> 31 === 1]
    const [once, each] = WORDS[kind] ?? [0, 0]
    const rest = at + 12
    const entries = Array.from({ length: each === 0 ? 0 : count }, (_, index) => rest + (once + index * each) * 4)
    const type: Type = { ...none, kind, name: text(word(at)), value: word(at + 8), flag }
    if (kind === 'struct' || kind === 'union') {
      type.members = entries.map((entry) => {
        const place = word(entry + 8)
        const [bits, offset] = flag ? [place >>> 24, place & 0xffffff] : [0, place]
        return { name: text(word(entry)), type: word(entry + 4), offset, bits }
      })
    } else if (kind === 'enum') {
      type.constants = entries.map((entry) => [text(word(entry)), BigInt(btf.readInt32LE(entry + 4))])
    } else if (kind === 'enum64') {
      const value = (entry: number) => (BigInt(btf.readInt32LE(entry + 8)) << 32n) | BigInt(word(entry + 4))
      type.constants = entries.map((entry) => [text(word(entry)), value(entry)])
    } else if (kind === 'array') {
      type.value = word(rest)
      type.count = word(rest + 8)
    } else if (kind === 'int') {
      type.encoding = (word(rest) >>> 24) & 0xf
    }
    types.push(type)
    at = rest + (once + each * (each === 0 ? 0 : count)) * 4
  }
  return types
}

/** What is left of a type without qualifiers and typedefs. */
function bare(types: readonly Type[], id: number): number {
  const type = types[id]
  const wraps = ['typedef', 'const', 'volatile', 'restrict', 'type-tag']
  return type !== undefined && wraps.includes(type.kind) ? bare(types, type.value) : id
}

const SIGNED = 1
const CHAR = 2
const BOOL = 4

/** A number of JSON, or one marked to become it that is too large for it here. */
function whole(value: bigint): number | string {
  return Number.isSafeInteger(Number(value)) ? Number(value) : `${value}n`
}

/** An intermediate symbol file, as dwarf2json writes one: typedefs only where they name what has no other name. */
export function isfOf(btf: Buffer, banner: string, symbols: readonly NamedAddress[]): string {
  const types = typesOf(btf)
  const names = types.map(({ name }, id) => name || `unnamed_${id}`)
  // Of structs of one name the fullest is what kernels' own types are looked up as.
  const best = new Map<string, number>()
  types.forEach((type, id) => {
    if (type.kind !== 'struct' && type.kind !== 'union') return
    const known = types[best.get(`${type.kind} ${names[id]}`) ?? 0]
    const fuller = known?.kind !== type.kind || known.members.length === 0 || known.value < type.value
    if (type.members.length > 0 && fuller) best.set(`${type.kind} ${names[id]}`, id)
  })
  const describe = (id: number): unknown => {
    const type = types[bare(types, id)]
    const name = names[bare(types, id)]
    switch (type?.kind) {
      case 'int':
      case 'float':
        return { kind: 'base', name }
      case 'pointer':
        return { kind: 'pointer', subtype: describe(type.value) }
      case 'array':
        return { kind: 'array', count: type.count, subtype: describe(type.value) }
      case 'struct':
      case 'union':
        return { kind: type.kind, name }
      case 'forward':
        return { kind: type.flag ? 'union' : 'struct', name }
      case 'enum':
      case 'enum64':
        return { kind: 'enum', name }
      case 'prototype':
        return { kind: 'function' }
      default:
        return { kind: 'base', name: 'void' }
    }
  }
  const base_types: Record<string, unknown> = { void: { size: 0, signed: false, kind: 'void', endian: 'little' } }
  const user_types: Record<string, unknown> = {}
  const enums: Record<string, unknown> = {}
  types.forEach((type, id) => {
    const name = names[id] ?? ''
    if (type.kind === 'int') {
      const kind = (type.encoding & BOOL) > 0 ? 'bool' : (type.encoding & CHAR) > 0 || name === 'char' ? 'char' : 'int'
      base_types[name] = { size: type.value, signed: (type.encoding & SIGNED) > 0, kind, endian: 'little' }
    } else if (best.get(`${type.kind} ${name}`) === id) {
      let unnamed = 0
      const fields = type.members.map((member): [string, unknown] => {
        const [anonymous, of] = [member.name === '', describe(member.type)]
        const key = anonymous ? `unnamed_field_${unnamed++}` : member.name
        const more = anonymous ? { anonymous } : {}
        if (member.bits === 0) return [key, { type: of, offset: member.offset / 8, ...more }]
        const place = { bit_position: member.offset % 8, bit_length: member.bits }
        return [key, { type: { kind: 'bitfield', ...place, type: of }, offset: Math.floor(member.offset / 8) }]
      })
      user_types[name] = { size: type.value, kind: type.kind, fields: Object.fromEntries(fields) }
    } else if (type.constants.length > 0) {
      const constants = type.constants.map(([constant, value]) => [constant, whole(value)])
      enums[name] = { size: type.value, base: 'int', constants: Object.fromEntries(constants) }
    }
  })
  // Numbers above 2^53 have to stay whole.
  const listed = symbols.map(({ name, address }) => {
    const data = name === 'linux_banner' ? `,"constant_data":"${Buffer.from(`${banner}\n\0`).toString('base64')}"` : ''
    return `${JSON.stringify(name)}:{"address":${address}${data}}`
  })
  const metadata = { producer: { name: 'test', version: '1' }, format: '6.2.0' }
  const text = JSON.stringify({ metadata, base_types, user_types, enums }).replace(/"(-?\d+)n"/g, '$1')
  return `${text.slice(0, -1)},"symbols":{${listed.join(',')}}}`
}

/** The lines of System.map. */
export function mapOf(symbols: readonly NamedAddress[]): string {
  return symbols
    .map(({ name, address, type }) => `${address.toString(16).padStart(16, '0')} ${type} ${name}\n`)
    .join('')
}

class Bytes {
  #bytes = Buffer.alloc(1 << 20)
  length = 0

  put(width: number, value: number | bigint): this {
    if (this.length + 8 > this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes], this.#bytes.length * 2)
    this.#bytes.writeBigUInt64LE(BigInt.asUintN(width * 8, BigInt(value)), this.length)
    this.length += width
    return this
  }

  get buffer(): Buffer {
    return this.#bytes.subarray(0, this.length)
  }
}

/** Attributes and forms of DWARF 5. */
const [NAME, BYTE_SIZE, TYPE, ENCODING, LOCATION, DATA_BIT_OFFSET] = [0x03, 0x0b, 0x49, 0x3e, 0x38, 0x6b]
const [BIT_SIZE, CONST_VALUE, COUNT, DECLARATION] = [0x0d, 0x1c, 0x37, 0x3c]
const [STRP, DATA1, DATA4, DATA8, REF4, PRESENT] = [0x0e, 0x0b, 0x06, 0x07, 0x13, 0x19]
const WIDTHS: Readonly<Record<number, number>> = {
  [STRP]: 4,
  [DATA1]: 1,
  [DATA4]: 4,
  [DATA8]: 8,
  [REF4]: 4,
  [PRESENT]: 0,
}

/** Tag, whether it has children, attributes with their forms. */
const ENTRIES: Readonly<Record<string, [number, boolean, [number, number][]]>> = {
  unit: [0x11, true, []],
  int: [
    0x24,
    false,
    [
      [NAME, STRP],
      [BYTE_SIZE, DATA4],
      [ENCODING, DATA1],
    ],
  ],
  pointer: [0x0f, false, [[TYPE, REF4]]],
  'pointer void': [0x0f, false, []],
  struct: [
    0x13,
    true,
    [
      [NAME, STRP],
      [BYTE_SIZE, DATA4],
    ],
  ],
  union: [
    0x17,
    true,
    [
      [NAME, STRP],
      [BYTE_SIZE, DATA4],
    ],
  ],
  member: [
    0x0d,
    false,
    [
      [NAME, STRP],
      [TYPE, REF4],
      [LOCATION, DATA4],
    ],
  ],
  'bit-field': [
    0x0d,
    false,
    [
      [NAME, STRP],
      [TYPE, REF4],
      [DATA_BIT_OFFSET, DATA4],
      [BIT_SIZE, DATA1],
    ],
  ],
  enum: [
    0x04,
    true,
    [
      [NAME, STRP],
      [BYTE_SIZE, DATA4],
    ],
  ],
  enumerator: [
    0x28,
    false,
    [
      [NAME, STRP],
      [CONST_VALUE, DATA8],
    ],
  ],
  typedef: [
    0x16,
    false,
    [
      [NAME, STRP],
      [TYPE, REF4],
    ],
  ],
  'typedef void': [0x16, false, [[NAME, STRP]]],
  array: [0x01, true, [[TYPE, REF4]]],
  range: [0x21, false, [[COUNT, DATA4]]],
  const: [0x26, false, [[TYPE, REF4]]],
  'const void': [0x26, false, []],
  volatile: [0x35, false, [[TYPE, REF4]]],
  'volatile void': [0x35, false, []],
  restrict: [0x37, false, [[TYPE, REF4]]],
  'restrict void': [0x37, false, []],
  prototype: [0x15, false, []],
  forward: [
    0x13,
    false,
    [
      [NAME, STRP],
      [DECLARATION, PRESENT],
    ],
  ],
  'forward union': [
    0x17,
    false,
    [
      [NAME, STRP],
      [DECLARATION, PRESENT],
    ],
  ],
}
const CODES = Object.keys(ENTRIES)
/** Length, version, type of unit, width of addresses, where its abbreviations are. */
const UNIT_HEADER = 12

function abbreviations(): Buffer {
  const out = new Bytes()
  CODES.forEach((code, index) => {
    const [tag, children, attributes] = ENTRIES[code] ?? [0, false, []]
    out
      .put(1, index + 1)
      .put(1, tag)
      .put(1, children ? 1 : 0)
    for (const [attribute, form] of attributes) out.put(1, attribute).put(1, form)
    out.put(2, 0)
  })
  return out.put(1, 0).buffer
}

function widthOf(code: string): number {
  const [, , attributes] = ENTRIES[code] ?? [0, false, []]
  return attributes.reduce((sum, [, form]) => sum + (WIDTHS[form] ?? 0), 1)
}

/** How a type and what is in it are written: codes with values; types are referred to by `{ id }`. */
type Value = number | bigint | { id: number }
type Written = [code: string, ...values: Value[]][]

/** Types as one unit of DWARF: .debug_info and .debug_str. */
function unitOf(types: readonly Type[]): { info: Buffer; strings: Buffer } {
  const names = new Map([['', 0]])
  const text: string[] = ['\0']
  let length = 1
  const string = (name: string): number => {
    const known = names.get(name)
    if (known !== undefined) return known
    names.set(name, length)
    text.push(`${name}\0`)
    length += name.length + 1
    return length - name.length - 1
  }
  // Tags on types are nothing that DWARF has as a type of its own.
  const target = (id: number): number => (types[id]?.kind === 'type-tag' ? target(types[id].value) : id)
  const wrapped = (kind: string, type: Type, ...values: Value[]): Written => {
    const to = target(type.value)
    return [to === 0 ? [`${kind} void`, ...values] : [kind, ...values, { id: to }]]
  }
  const written = (type: Type): Written => {
    const name = string(type.name)
    switch (type.kind) {
      case 'int': {
        const encoding =
          (type.encoding & BOOL) > 0 ? 2 : (type.encoding & SIGNED) > 0 ? 5 : type.name === 'char' ? 6 : 7
        return [['int', name, type.value, encoding]]
      }
      case 'float':
        return [['int', name, type.value, 4]]
      case 'pointer':
      case 'const':
      case 'volatile':
      case 'restrict':
        return wrapped(type.kind, type)
      case 'typedef':
        return wrapped('typedef', type, name)
      case 'struct':
      case 'union': {
        const members = type.members.map(({ name, type, offset, bits }): Written[0] => {
          const start: Value[] = [string(name), { id: target(type) }]
          return bits > 0 ? ['bit-field', ...start, offset, bits] : ['member', ...start, offset / 8]
        })
        return [[type.kind, name, type.value], ...members]
      }
      case 'enum':
      case 'enum64':
        return [
          ['enum', name, type.value],
          ...type.constants.map(([constant, value]): Written[0] => ['enumerator', string(constant), value]),
        ]
      case 'array':
        return [
          ['array', { id: target(type.value) }],
          ['range', type.count],
        ]
      case 'forward':
        return [[type.flag ? 'forward union' : 'forward', name]]
      case 'prototype':
        return [['prototype']]
      default:
        return []
    }
  }
  const all = types.map(written)
  const places: number[] = []
  let at = UNIT_HEADER + widthOf('unit')
  for (const entries of all) {
    places.push(at)
    for (const [code] of entries) at += widthOf(code)
    if (ENTRIES[entries[0]?.[0] ?? '']?.[1] === true) at++
  }
  const info = new Bytes()
  info
    .put(4, at + 1 - 4)
    .put(2, 5)
    .put(1, 1)
    .put(1, 8)
    .put(4, 0)
  info.put(1, CODES.indexOf('unit') + 1)
  for (const entries of all) {
    for (const [code, ...values] of entries) {
      info.put(1, CODES.indexOf(code) + 1)
      const [, , attributes] = ENTRIES[code] ?? [0, false, []]
      attributes.forEach(([, form], index) => {
        const value = values[index] ?? 0
        info.put(WIDTHS[form] ?? 0, typeof value === 'object' ? (places[value.id] ?? 0) : value)
      })
    }
    if (ENTRIES[entries[0]?.[0] ?? '']?.[1] === true) info.put(1, 0)
  }
  info.put(1, 0)
  return { info: Buffer.from(info.buffer), strings: Buffer.from(text.join(''), 'latin1') }
}

interface Section {
  name: string
  type: number
  flags?: bigint
  content: Buffer
  link?: number
  entry?: number
}

const [PROGBITS, SYMTAB, STRTAB, NOTE] = [1, 2, 3, 7]
const COMPRESSED = 0x800n

function compressed(section: Section): Section {
  const header = Buffer.alloc(24)
  header.writeUInt32LE(1, 0)
  header.writeBigUInt64LE(BigInt(section.content.length), 8)
  header.writeBigUInt64LE(1n, 16)
  return { ...section, flags: COMPRESSED, content: Buffer.concat([header, deflateSync(section.content)]) }
}

function elf(sections: readonly Section[]): Buffer {
  const all = [{ name: '', type: 0, content: Buffer.alloc(0) }, ...sections, { name: '.shstrtab', type: STRTAB }]
  const names = `${all.map(({ name }) => name).join('\0')}\0`
  const bodies = all.map((section) => ('content' in section ? section.content : Buffer.from(names)))
  const header = Buffer.alloc(64)
  header.write('\x7fELF\x02\x01\x01', 'latin1')
  header.writeUInt16LE(2, 16)
  header.writeUInt16LE(62, 18)
  header.writeUInt32LE(1, 20)
  header.writeUInt16LE(64, 52)
  header.writeUInt16LE(64, 58)
  header.writeUInt16LE(all.length, 60)
  header.writeUInt16LE(all.length - 1, 62)
  let at = 64
  let named = 0
  const table = all.map((section: Partial<Section>, index) => {
    const entry = Buffer.alloc(64)
    const body = bodies[index] ?? Buffer.alloc(0)
    entry.writeUInt32LE(named, 0)
    entry.writeUInt32LE(section.type ?? 0, 4)
    entry.writeBigUInt64LE(section.flags ?? 0n, 8)
    entry.writeBigUInt64LE(BigInt(at), 24)
    entry.writeBigUInt64LE(BigInt(body.length), 32)
    entry.writeUInt32LE(section.link ?? 0, 40)
    entry.writeBigUInt64LE(1n, 48)
    entry.writeBigUInt64LE(BigInt(section.entry ?? 0), 56)
    at += body.length
    named += (section.name?.length ?? 0) + 1
    return entry
  })
  header.writeBigUInt64LE(BigInt(at), 40)
  return Buffer.concat([header, ...bodies, ...table])
}

/** What a package with debug information has of a kernel: types as DWARF, symbols, and the build id. */
export function dwarfOf(
  btf: Buffer,
  buildId: string,
  symbols: readonly NamedAddress[],
  options: { compressed: boolean },
): Buffer {
  const { info, strings } = unitOf(typesOf(btf))
  const note = Buffer.concat([Buffer.from([4, 0, 0, 0, buildId.length / 2, 0, 0, 0, 3, 0, 0, 0]), Buffer.from('GNU\0')])
  const text: string[] = ['\0']
  const table = new Bytes()
  for (let index = 0; index < 24; index++) table.put(1, 0)
  let length = 1
  for (const { name, address, type } of symbols) {
    const kind = /[tw]/i.test(type) ? 2 : 1
    table
      .put(4, length)
      .put(1, 0x10 | kind)
      .put(1, 0)
      .put(2, 0xfff1)
      .put(8, address)
      .put(8, 0)
    text.push(`${name}\0`)
    length += name.length + 1
  }
  const pack = options.compressed ? compressed : (section: Section) => section
  return elf([
    pack({ name: '.debug_info', type: PROGBITS, content: info }),
    pack({ name: '.debug_abbrev', type: PROGBITS, content: abbreviations() }),
    pack({ name: '.debug_str', type: PROGBITS, content: strings }),
    { name: '.notes', type: NOTE, content: Buffer.concat([note, Buffer.from(buildId, 'hex')]) },
    { name: '.symtab', type: SYMTAB, content: Buffer.from(table.buffer), link: 6, entry: 24 },
    { name: '.strtab', type: STRTAB, content: Buffer.from(text.join(''), 'latin1') },
  ])
}
