import type { Column } from '../../api/columns.js'
import type { Option, Options } from '../../api/options.js'
import { defaultOf, rangeOf } from '../../engine/option-values.js'
import type { KnownAnalyzer } from '../../engine/registry.js'
import { exitCodes } from '../../engine/status.js'
import type { Command } from '../command.js'
import { pluginOption } from '../options.js'

type Schema = Readonly<Record<string, unknown>>

const hexadecimal = { type: 'string', pattern: '^-?0x[0-9a-f]+$' }
const number = { anyOf: [{ type: 'integer' }, hexadecimal] }

const forms: Readonly<Record<Column['type'], Schema>> = {
  text: { type: 'string' },
  integer: number,
  count: number,
  bytes: number,
  address: hexadecimal,
  time: { type: 'string', format: 'date-time' },
  flag: { type: 'boolean' },
  list: { type: 'array', items: { type: 'string' } },
  record: {},
  artifact: {
    type: 'object',
    properties: {
      file: { type: 'string', description: 'Its name in the folder of --output-dir' },
      bytes: { type: 'integer' },
      sha256: { type: 'string', pattern: '^[0-9a-f]{64}$' },
    },
    required: ['file', 'bytes', 'sha256'],
    additionalProperties: false,
  },
}

function columnSchema(column: Column): Schema {
  const { description, meaning, type } = column
  const form = forms[type]
  const nullable = column.nullable !== false && type !== 'record'
  return {
    description,
    ...(meaning === undefined ? {} : { 'x-meaning': meaning }),
    'x-type': type,
    ...(nullable ? { anyOf: [form, { type: 'null' }] } : form),
  }
}

function optionForm(option: Option): Schema {
  switch (option.type) {
    case 'flag':
      return { type: 'boolean' }
    case 'list':
    case 'files':
      return { type: 'array', items: { type: 'string' } }
    case 'choice':
      return { enum: option.choices }
    case 'count': {
      const [minimum, maximum] = rangeOf(option)
      return { type: 'integer', minimum, maximum }
    }
    default:
      return { type: 'string' }
  }
}

function optionSchema(option: Option): Schema {
  const { description, type } = option
  const ever =
    type === 'flag' || type === 'list' || type === 'files' || ('default' in option && option.default !== undefined)
  const form = optionForm(option)
  return {
    description,
    'x-type': type,
    default: defaultOf(option),
    ...(ever ? form : { anyOf: [form, { type: 'null' }] }),
  }
}

/** What a table of an analyzer with options says of how it was made. */
function optionsSchema(options: Options): Schema {
  return {
    type: 'object',
    properties: Object.fromEntries(Object.entries(options).map(([name, option]) => [name, optionSchema(option)])),
    required: Object.keys(options),
    additionalProperties: false,
  }
}

/** The JSON Schema of what `--format json` writes for one analyzer and one image. */
export function tableSchema(analyzer: KnownAnalyzer): Schema {
  const columns = Object.entries(analyzer.columns)
  const { key, options, source } = analyzer
  const row = {
    type: 'object',
    properties: Object.fromEntries(columns.map(([name, column]) => [name, columnSchema(column)])),
    required: columns.map(([name]) => name),
    additionalProperties: false,
  }
  const warning = {
    type: 'object',
    properties: {
      code: { type: 'string' },
      message: { type: 'string' },
      analyzer: { type: 'string' },
      column: { type: 'string' },
      count: { type: 'integer' },
      address: hexadecimal,
    },
    required: ['code', 'message'],
  }
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: analyzer.name,
    description: analyzer.summary,
    ...(key === undefined ? {} : { 'x-key': key }),
    type: 'object',
    properties: {
      table: { const: analyzer.name },
      image: { type: 'string', description: `The path of ${source?.what ?? 'the image'}, as it was given` },
      ...(options === undefined ? {} : { options: optionsSchema(options) }),
      rows: { type: 'array', items: row },
      warnings: { type: 'array', items: warning },
    },
    required: ['table', 'image', ...(options === undefined ? [] : ['options']), 'rows', 'warnings'],
  }
}

export const schemaCommand: Command = {
  name: 'schema',
  arguments: [{ name: 'name', kind: 'analyzer' }],
  summary: "The JSON Schema of an analyzer's output",
  examples: [{ command: 'salvor schema processes', what: 'what --format json writes of one image' }],
  options: [pluginOption],
  run: async ({ raw, world, registry }) => {
    world.stdout.write(`${JSON.stringify(tableSchema(registry.get(String(raw.name))), null, 2)}\n`)
    return exitCodes.complete
  },
}
