import { SalvorError } from '../../engine/errors.js'
import { readOptions } from '../../engine/option-values.js'
import type { Registry } from '../../engine/registry.js'
import type { Command } from '../command.js'
import { POD } from '../container-names.js'
import { artifactOption, readRunOptions, runOptions } from '../options.js'
import { runAnalyzers } from '../run-analyzers.js'

/** The tables of a page, in the order in which they are read. */
const PARTS = [
  'containers',
  'container-settings',
  'findings',
  'drift',
  'process-tree',
  'sockets',
  'connections-tracked',
  'published-ports',
  'interfaces',
  'mounts',
  'open-files',
  'shell-history',
  'terminals',
  'socket-queues',
  'environment',
  'secrets',
]
/** Writes what memory holds of a container's files into --output-dir. */
const FILES = 'extract'

/** What a page leaves to the options of its command: which rows, and which columns. */
const OWN = new Set(['container', 'columns', 'sort', 'pid', 'limit', 'where'])

function requestOf(registry: Registry, name: string, given: Readonly<Record<string, string | boolean>> = {}) {
  const analyzer = registry.get(name)
  return { analyzer, options: readOptions(analyzer.options, given, (option) => option) }
}

interface Page {
  readonly name: 'container' | 'pod'
  readonly summary: string
  readonly description: string
  readonly examples: NonNullable<Command['examples']>
  /** What --container is given for the name. */
  readonly containers: (name: string) => string
}

function pageCommand({ containers, ...page }: Page): Command {
  return {
    ...page,
    arguments: [
      { name: 'name', kind: 'new name' },
      { name: 'image', kind: 'image' },
    ],
    options: [artifactOption, ...runOptions.filter(({ name }) => !OWN.has(name))],
    run: ({ raw, world, registry }) => {
      const name = String(raw.name)
      const options = { ...readRunOptions(raw), container: [containers(name)], page: page.name }
      if (options.format === 'csv') throw new SalvorError('USAGE', `${page.name} has many tables: use json or ndjson`)
      const requests = PARTS.map((part) => requestOf(registry, part))
      if (options.outputDir !== undefined) {
        if (page.name === 'pod')
          throw new SalvorError('USAGE', '--output-dir: a pod has several file systems: name one container')
        requests.push(requestOf(registry, FILES, { of_container: name, merged: true }))
      }
      return runAnalyzers({ world, registry, options }, requests, [String(raw.image)], true)
    },
  }
}

const ABOUT =
  'Its identity, what looks like an intrusion, what is not as declared, processes, connections with both ends, mounts, ' +
  'open files, what was typed, and bytes that nobody has read yet. Parts without rows are left out.'

export const containerCommand = pageCommand({
  name: 'container',
  summary: 'One page about one container',
  description: `${ABOUT} With --output-dir its files, as far as memory has them, are written as one folder.`,
  examples: [
    {
      command: 'salvor container shop-web-1 memory.elf',
      what: 'by its name; an id, or the beginning of either, will do',
    },
    { command: 'salvor container shop-web-1 memory.elf -f json -o web.json -d web', what: 'all of it, and its files' },
  ],
  containers: (name) => name,
})

export const podCommand = pageCommand({
  name: 'pod',
  summary: 'One page about one pod and its containers',
  description: ABOUT,
  examples: [
    { command: 'salvor pod payments/checkout memory.elf', what: 'by its name, with its namespace or without' },
  ],
  containers: (name) => `${POD}${name}`,
})
