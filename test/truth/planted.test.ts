/**
 * Every trace that was planted in a guest: which tables show it, and in what rows. What a row has to say comes from the
 * guest's own record of the trace and of its processes. A trace that nothing is known of fails by its name.
 */

import { describe, expect, it } from 'vitest'
import { samples, sharedImages, type TruthImage, type TruthProcess, table } from './images.js'

type Row = Record<string, unknown>

/** An entry of planted.json: what is in all of them, and what some say besides. */
interface Plant {
  name: string
  what: string
  pids?: number[]
  [detail: string]: unknown
}

interface Sight {
  table: string
  options?: readonly string[]
  /** Parts of rows, each of which is to be in the table, with the container that the trace was planted in. */
  rows: Row[]
  /** The rows say by themselves whose they are, or the table does not. */
  elsewhere?: true
}

/** What a test may ask of a guest's record. */
class Guest {
  readonly #image: TruthImage
  readonly processes: TruthProcess[]

  constructor(image: TruthImage) {
    this.#image = image
    this.processes = image.processes()
  }

  process(pid: number | undefined): TruthProcess {
    const found = this.processes.find((one) => one.pid === pid)
    if (found === undefined) throw new Error(`the record has no process ${pid}`)
    return found
  }

  /** Every variable of every process, as NAME=VALUE. */
  get environment(): Set<string> {
    return new Set(this.#image.parts<{ environ: string[] }>('processes.json').flatMap(({ environ }) => environ))
  }

  children(pids: readonly number[] = []): TruthProcess[] {
    return this.processes.filter(({ ppid }) => pids.includes(ppid))
  }

  plant(name: string): Plant {
    const found = plants(this.#image).find((one) => one.name === name)
    if (found === undefined) throw new Error(`nothing is planted as ${name}`)
    return found
  }

  /** The id that Docker has for a container's name; null for what is the host's. */
  container(name: unknown): string | null | undefined {
    if (name === undefined) return null
    const all = this.#image.truth<{ Id: string; Name: string }[]>('raw/docker-inspect.json')
    return all.find(({ Name }) => Name === `/${name}`)?.Id
  }
}

function plants(image: TruthImage): Plant[] {
  return image.truth<Plant[]>('planted.json')
}

/** Tables of tasks and of their namespaces name a container by its id alone. */
const BY_ID = ['processes', 'threads', 'namespaces']

/** The container that a trace was planted in, as rows of a table name it. */
function whose({ container, container_id, namespace, pod }: Plant, guest: Guest, table = ''): Row {
  const isDocker = typeof container_id !== 'string'
  const id = isDocker ? guest.container(container) : container_id.replace(/^.*:\/\//, '')
  if (BY_ID.includes(table)) return { container: id }
  return { container: id, container_name: container ?? null, pod: isDocker ? null : `${namespace}/${pod}` }
}

const each = <T>(plant: Plant, row: (pid: number) => T) => (plant.pids ?? []).map(row)
const containing = (...parts: unknown[]) => expect.arrayContaining(parts)
const NAMESPACES = ['mnt', 'net', 'uts', 'ipc', 'pid'] as const

/** A program that is gone or never was a file. */
function runs(plant: Plant, path: string, reason: string): Sight[] {
  const exe = `${path} (deleted)`
  return [
    { table: 'processes', rows: each(plant, (pid) => ({ pid, exe })) },
    {
      table: 'injected-memory',
      rows: each(plant, (pid) => ({ pid, path: exe, reasons: containing(reason) })),
    },
  ]
}

/** A process of a container's cgroup in the namespaces of the host. */
function escaped(plant: Plant, guest: Guest): Sight[] {
  const { ns } = guest.process(1)
  const host = Object.fromEntries(NAMESPACES.map((type) => [`${type}_ns`, ns[type]]))
  return [{ table: 'processes', rows: each(plant, (pid) => ({ pid, ...host })) }]
}

function typed(plant: Plant): Sight[] {
  const commands = typeof plant.typed === 'string' ? plant.typed.split(';') : (plant.typed as string[])
  return [{ table: 'shell-history', rows: commands.map((command) => ({ command })) }]
}

/** A file with a text, by its name and by the text. */
function marked(plant: Plant): Sight[] {
  const { path, marker } = plant
  return [
    { table: 'files', rows: [{ path, deleted: false }] },
    { table: 'search', options: ['--text', `${marker}`], rows: [{ kind: 'page cache', what: path, offset: 0 }] },
  ]
}

/** A namespace of its own kind that the planted processes alone are in. */
function apart(plant: Plant, guest: Guest, type: string): Sight[] {
  const { ns } = guest.process(plant.pids?.at(-1))
  expect(ns[type]).not.toBe(guest.process(1).ns[type])
  return [
    { table: 'processes', rows: [{ pid: plant.pids?.at(-1), [`${type}_ns`]: ns[type] }] },
    { table: 'namespaces', rows: [{ type, inode: ns[type], owner_pid: plant.pids?.[0] }] },
  ]
}

/** Both ends of a connection: what each is to say of the other. */
function connected(near: Row, far: Row): Sight {
  return {
    table: 'sockets',
    elsewhere: true,
    rows: [near, far].map((row) => ({ protocol: 'tcp', state: 'ESTABLISHED', ...row })),
  }
}

const SIGHTS: Readonly<Record<string, (plant: Plant, guest: Guest) => Sight[]>> = {
  bpf: (plant) => [
    {
      table: 'bpf-programs',
      rows: each(plant, (pid) => ({
        ...{ name: plant.prog, type: 'raw_tracepoint', pid, unheld: false },
        attached_to: ['raw_tracepoint sys_enter'],
      })),
    },
    { table: 'bpf-maps', rows: each(plant, (pid) => ({ name: plant.map, pid })) },
    { table: 'bpf-map-entries', elsewhere: true, rows: [{ map: plant.map, text: plant.value }] },
  ],
  'cron-file': (plant) => [{ table: 'files', rows: [{ path: plant.path, deleted: false }] }],
  'deleted-exe': (plant) => runs(plant, `${plant.path}`, 'deleted'),
  'deleted-exe-miner': (plant) => runs(plant, `${plant.path}`, 'deleted'),
  'env-stolen-token': (plant) => {
    const [name, value] = `${plant.env_marker}`.split('=')
    const token = { name: 'STOLEN_TOKEN', value: expect.stringMatching(/^eyJ[\w-]+\.[\w-]+\.[\w-]+$/) }
    return [{ table: 'environment', rows: [token, { name, value }].map((row) => ({ ...row })) }]
  },
  'escape-nsenter': escaped,
  'exec-it': typed,
  'fake-kthread': (plant) => [
    {
      table: 'processes',
      rows: each(plant, (pid) => ({ pid, comm: plant.comm, kernel_thread: false })),
    },
    { table: 'memory-maps', rows: each(plant, (pid) => ({ pid, path: '[stack]' })) },
  ],
  'history-host': typed,
  'host-listener-4444': (plant, guest) => [
    {
      table: 'sockets',
      rows: each(plant, (pid) => ({
        ...{ pid, protocol: 'tcp', state: 'LISTEN' },
        local_port: Number(guest.process(pid).cmdline.at(-1)),
      })),
    },
  ],
  'io-uring': (plant) => [
    { table: 'io-uring', rows: each(plant, (pid) => ({ pid, fd: expect.any(Number) })) },
    { table: 'open-files', rows: each(plant, (pid) => ({ pid, path: 'anon_inode:[io_uring]' })) },
  ],
  'ld-preload': (plant) => [
    {
      table: 'environment',
      rows: each(plant, (pid) => ({ pid, name: 'LD_PRELOAD', value: plant.library })),
    },
    {
      table: 'libraries',
      rows: each(plant, (pid) => ({ pid, path: plant.library, found_by: ['mapping', 'loader'] })),
    },
  ],
  'marker-container': (plant) => {
    const [file, found] = marked(plant)
    // The text lies in the layer of the overlay, whose path is the host's.
    const what = expect.stringMatching(`^/.+${plant.path}$`)
    return [file as Sight, { ...(found as Sight), rows: [{ kind: 'page cache', what, offset: 0 }] }]
  },
  'marker-host': marked,
  markers: (plant) => [
    {
      table: 'search',
      elsewhere: true,
      options: (plant.texts as string[]).flatMap((text) => ['--text', text]),
      rows: (plant.texts as string[]).map((pattern) => ({ pattern, match: pattern })),
    },
  ],
  memfd: (plant) => runs(plant, `/memfd:${plant.memfd}`, 'memfd'),
  'memfd-exec': (plant, guest) => [
    ...runs(plant, `/memfd:${plant.memfd}`, 'memfd'),
    {
      table: 'processes',
      rows: each(plant, (pid) => ({ pid, args: [plant.argv0, ...guest.process(pid).cmdline.slice(1)] })),
    },
  ],
  'miner-name': (plant, guest) => {
    const { exe, cmdline } = guest.process(plant.pids?.[0])
    return [
      { table: 'processes', rows: each(plant, (pid) => ({ pid, args: cmdline, exe })) },
      // A layer of its own holds what the container's image lacks.
      { table: 'files', rows: [{ path: expect.stringMatching(`^/.+/diff${exe}$`), type: 'file' }] },
    ]
  },
  module: (plant) => [{ table: 'modules', elsewhere: true, rows: [{ name: plant.module, state: 'live' }] }],
  'nsenter-host-sleep': escaped,
  'packet-socket': (plant) => [
    { table: 'sockets', rows: each(plant, (pid) => ({ pid, family: 'packet', type: 'raw' })) },
  ],
  ptrace: (plant) => {
    const [tracer_pid, tid] = plant.pids ?? []
    return [{ table: 'ptrace', rows: [{ tid, tracer_pid }] }]
  },
  'ptrace-child': (plant, guest) => [
    { table: 'ptrace', rows: each(plant, (tid) => ({ tid, tracer_pid: guest.process(tid).ppid })) },
  ],
  'reverse-shell': (plant, guest) => {
    const port = Number(/\/dev\/tcp\/[\d.]+\/(\d+)/.exec(guest.process(plant.pids?.[0]).cmdline.join(' '))?.[1])
    const ends = { protocol: 'tcp', state: 'ESTABLISHED', remote_port: port, remote_container: null }
    const shells = guest.children(plant.pids)
    expect(shells.length).toBeGreaterThan(0)
    const rows = shells.flatMap(({ pid }) => [0, 1, 2].map((fd) => ({ pid, fd, ...ends })))
    return [{ table: 'sockets', rows }]
  },
  'rwx-mapping': (plant) => [
    {
      table: 'injected-memory',
      rows: each(plant, (pid) => ({ pid, permissions: 'rwxp', path: null })),
    },
    {
      table: 'search',
      options: ['--text', `${plant.pattern}`, ...each(plant, (pid) => `--process=${pid}`)],
      rows: each(plant, (pid) => ({ pid, address: expect.stringMatching(/^0x[0-9a-f]+100$/) })),
    },
  ],
  secrets: (plant, guest) => {
    const secrets = Object.entries(plant).filter(([name]) => /^[A-Z_]+$/.test(name))
    // nginx and redis write their titles over the environment that they were started with.
    const kept = secrets.filter(([name, value]) => guest.environment.has(`${name}=${value}`))
    const pod = expect.stringMatching(`^${plant.namespace}/`)
    return [
      { table: 'environment', elsewhere: true, rows: kept.map(([name, value]) => ({ name, value, pod })) },
      {
        table: 'search',
        elsewhere: true,
        options: secrets.flatMap(([, value]) => ['--text', `${value}`]),
        rows: secrets.map(([name, match]) => ({ match, context: expect.stringContaining(name) })),
      },
    ]
  },
  'session-host': typed,
  'session-pod': typed,
  'ssh-session': (plant, guest) => [
    ...typed(plant),
    { table: 'ssh-sessions', rows: guest.children(plant.pids).map(({ pid }) => ({ pid, direction: 'out' })) },
  ],
  'tcp-container-container': ({ pids, from, to }, guest) => [
    connected(
      { pid: pids?.[0], container_name: from, remote_container: guest.container(to) },
      { remote_pid: pids?.[0], container_name: to, remote_container: guest.container(from) },
    ),
  ],
  'tcp-container-host': (plant, guest) => {
    const pid = plant.pids?.[0]
    const far = guest.plant('host-listener-4444').pids?.[0]
    const remote_container = guest.container(plant.container)
    return [
      connected(
        { pid, remote_pid: far, remote_container: null, ...whose(plant, guest) },
        { pid: far, remote_pid: pid, remote_container, container: null },
      ),
      // What was sent, and nobody read.
      {
        table: 'socket-queues',
        elsewhere: true,
        rows: [{ pid: far, text: guest.process(pid).cmdline.at(-1), remote_pid: pid }],
      },
    ]
  },
  'tcp-pod-to-pod': (plant, guest) => [
    connected(
      { local_address: plant.from_ip, remote_address: plant.to_ip, remote_port: plant.to_port, ...whose(plant, guest) },
      {
        ...{ local_address: plant.to_ip, local_port: plant.to_port, remote_address: plant.from_ip },
        ...{ pod: expect.stringMatching(`/${plant.to_pod}$`), remote_comm: 'bash' },
      },
    ),
    {
      table: 'connections-tracked',
      elsewhere: true,
      rows: [{ source: plant.from_ip, destination: plant.to_ip, destination_port: plant.to_port }],
    },
  ],
  threads: (plant, guest) => {
    const { pid, threads } = guest.process(plant.pids?.[0])
    const others = threads.filter(({ tid }) => tid !== pid)
    expect(others.length).toBeGreaterThan(1)
    return [{ table: 'threads', rows: others.map(({ tid, comm }) => ({ pid, tid, comm })) }]
  },
  'time-namespace': (plant, guest) => apart(plant, guest, 'time'),
  'unlinked-open-file': (plant) => [
    { table: 'open-files', rows: each(plant, (pid) => ({ pid, path: `${plant.path} (deleted)` })) },
    { table: 'files', rows: [{ path: plant.path, deleted: true, links: 0 }] },
  ],
  'user-namespace': (plant, guest) => [...apart(plant, guest, 'user'), ...apart(plant, guest, 'mnt')],
}

/** What a sample, which holds no page that only a search reads, has no rows of. */
const WHOLE = ['search']

const sampled = samples().filter((image) => image.has('planted.json'))

for (const image of [...sampled, ...sharedImages()]) {
  const isSample = sampled.includes(image)
  describe(`what was planted in ${image.title}`, () => {
    image.require()
    const tables = new Map<string, Row[]>()
    const rowsOf = ({ table: name, options = [] }: Sight): Row[] => {
      const call = [name, ...options].join(' ')
      const rows = tables.get(call) ?? table(name, image.as(image.formats[0] ?? 'lime'), ...options).rows
      tables.set(call, rows)
      return rows
    }
    const all = image.missing ? [] : plants(image)

    it('is known, all of it', () => {
      expect(all.length).toBeGreaterThan(8)
      expect(all.map(({ name }) => name).filter((name) => !(name in SIGHTS))).toEqual([])
    })

    it.each(all.filter(({ name }) => name in SIGHTS))('$name: $what', (plant) => {
      const guest = new Guest(image)
      const sights = SIGHTS[plant.name]?.(plant, guest) ?? []
      const seen = sights.filter(({ table: name }) => !isSample || !WHOLE.includes(name))
      if (seen.length === 0) expect(isSample).toBe(true)
      for (const sight of seen) {
        expect(sight.rows.length, sight.table).toBeGreaterThan(0)
        const place = sight.elsewhere ? {} : whose(plant, guest, sight.table)
        for (const row of sight.rows) {
          expect(rowsOf(sight), sight.table).toContainEqual(expect.objectContaining({ ...place, ...row }))
        }
      }
    })
  })
}
