import { POD } from '../../containers/pod-name.js'
import { SalvorError } from '../../engine/errors.js'
import { readOptions } from '../../engine/option-values.js'
import type { Registry } from '../../engine/registry.js'
import type { Command, Option } from '../command.js'
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
  'container-changes',
  'shell-history',
  'terminals',
  'container-logs',
  'socket-queues',
  'environment',
  'secrets',
]
/** What a page of a pod begins with. */
const POD_ITSELF = 'pods'
/** What writes of a container into --output-dir, and what it is told: its files, and the archive of a checkpoint. */
const WRITERS: Readonly<Record<string, (name: string, memory: boolean) => Readonly<Record<string, string | boolean>>>> =
  {
    extract: (name) => ({ of_container: name, merged: true }),
    checkpoint: (name, memory) => ({ of_container: name, process_memory: memory }),
  }

/** Writes its processes there, where that is asked for. */
const MEMORY = 'process-dump'
const memoryOption: Option = {
  name: 'process-memory',
  summary: 'Write a core file of each of its processes into --output-dir, too, and their memory into the archive',
}

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
    options: [artifactOption, memoryOption, ...runOptions.filter(({ name }) => !OWN.has(name))],
    run: ({ raw, world, registry }) => {
      const name = String(raw.name)
      const options = { ...readRunOptions(raw), container: [containers(name)], page: page.name }
      if (options.format === 'csv') throw new SalvorError('USAGE', `${page.name} has many tables: use json or ndjson`)
      const requests = [...(page.name === 'pod' ? [POD_ITSELF] : []), ...PARTS].map((part) => requestOf(registry, part))
      if (options.outputDir !== undefined) {
        const [of, memory] = [containers(name), raw['process-memory'] === true]
        for (const [writer, told] of Object.entries(WRITERS))
          requests.push(requestOf(registry, writer, told(of, memory)))
        if (memory) requests.push(requestOf(registry, MEMORY, { of_container: of }))
      } else if (raw['process-memory'] === true) {
        throw new SalvorError('USAGE', '--process-memory writes files: name a folder with --output-dir')
      }
      return runAnalyzers({ world, registry, options }, requests, [String(raw.image)], true)
    },
  }
}

const ABOUT =
  'Its identity, what looks like an intrusion, what is not as declared, processes, connections with both ends, mounts, ' +
  'open files, files that it has changed, what was typed and logged, and bytes that nobody has read yet. Parts without rows are left out. With --output-dir ' +
  'files are written as one folder for each container, as far as memory has them, and all of it in the layout of a ' +
  'checkpoint archive; SHA256SUMS has the hashes of everything in there.'

export const containerCommand = pageCommand({
  name: 'container',
  summary: 'One page about one container',
  description: ABOUT,
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
