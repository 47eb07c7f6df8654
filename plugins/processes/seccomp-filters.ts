import { address, append, count, defineAnalyzer, flag, list, text } from 'salvor'
import { containerColumns, containerNames, listedPlacedTasks, ownerOf, type PlacedTask } from 'salvor/containers'
import { readSeccompChains, readSeccompTasks, type SeccompChain, type Verdict } from 'salvor/kernel'

/** What tells one that nothing but a few calls are left to (mode1_syscalls, kernel/seccomp.c). */
const STRICT = 1
const STRICT_CALLS = ['read', 'write', 'exit', 'rt_sigreturn']

/** The container that all of some tasks are in. */
function common(tasks: readonly PlacedTask[]): string | null {
  const containers = new Set(tasks.map(({ container }) => container))
  return containers.size === 1 ? ([...containers][0] ?? null) : null
}

function calls({ verdicts }: SeccompChain, wanted: Verdict): string[] | null {
  return verdicts === null ? null : [...verdicts].flatMap(([name, verdict]) => (verdict === wanted ? name : []))
}

function filterColumns(chain: SeccompChain) {
  const [allowed, denied, conditional] = (['allowed', 'denied', 'conditional'] as const).map((verdict) =>
    calls(chain, verdict),
  )
  return {
    address: chain.address,
    mode: 'filter',
    filters: chain.chain.length,
    instructions: chain.instructions,
    allowed: allowed?.length ?? null,
    conditional: conditional?.length ?? null,
    denied: denied?.length ?? null,
    allowed_calls: allowed ?? null,
    conditional_calls: conditional ?? null,
    denied_calls: denied ?? null,
    otherwise: chain.otherwise,
    other_programs: chain.others.map(({ kind, allowed }) => `${kind}: ${allowed} allowed`),
    log: chain.log,
    listener: chain.listener,
    bypassed: chain.bypassed,
    changed: chain.changed,
    chain: chain.chain.map((filter) => `0x${filter.toString(16)}`),
    reason: chain.reason,
  }
}

/** What is known of no filter. */
const UNTOLD = {
  filters: null,
  instructions: null,
  allowed: null,
  conditional: null,
  denied: null,
  allowed_calls: null,
  conditional_calls: null,
  denied_calls: null,
  otherwise: null,
  other_programs: null,
  log: null,
  listener: null,
  bypassed: null,
  changed: null,
  chain: null,
}
const STRICT_COLUMNS = {
  ...UNTOLD,
  address: null,
  mode: 'strict',
  allowed: STRICT_CALLS.length,
  conditional: 0,
  allowed_calls: STRICT_CALLS,
  conditional_calls: [],
  otherwise: 'kill_thread',
  reason: null,
}
const lost = (address: bigint) => ({ ...UNTOLD, address, mode: 'filter', reason: 'the filter is not in memory' })

export default defineAnalyzer({
  name: 'seccomp-filters',
  aliases: ['seccomp'],
  summary: 'Filters of system calls: which calls each lets through, from its instructions, and whom it holds',
  description:
    'One row for each filter that threads have, together with those that were there before it, which all are asked. Its ' +
    'instructions are followed for every call: `conditional` is what its arguments or another process decide. `bypassed` ' +
    'are calls that the kernel lets through by what it remembers of the filter, though the filter does not.',
  torn: 'a filter that was there throughout is one row, right in each cell that is not null.',
  examples: [
    { command: 'salvor seccomp-filters memory.elf', what: 'every filter, and whom it holds' },
    {
      command: 'salvor seccomp-filters memory.elf --container shop-web-1 --columns allowed_calls',
      what: 'calls that a container may make',
    },
  ],
  columns: {
    address: address('Address of the newest struct seccomp_filter', { detail: true }),
    ...containerColumns,
    container: text('Id of the container that all of them run in', { meaning: 'container' }),
    mode: text('filter, or strict: read, write, exit and sigreturn alone'),
    processes: count('Processes that have a thread which it holds'),
    pids: list('Their ids'),
    filters: count('How many filters are asked: the newest and those before it'),
    instructions: count('Instructions of all of them; null where the kernel kept only its translation', {
      detail: true,
    }),
    allowed: count('Calls that are allowed whatever their arguments are'),
    conditional: count('Calls that depend on their arguments, or on another process'),
    denied: count('Calls that are denied'),
    allowed_calls: list('Names of the calls that are allowed', { detail: true }),
    conditional_calls: list('Names of those that depend', { detail: true }),
    denied_calls: list('Names of those that are denied', { detail: true }),
    otherwise: text('What is done with a call that nobody knows: errno, kill_process, allow …'),
    other_programs: list('Calls that are allowed to programs of other kinds: of 32 bits, of x32', { detail: true }),
    log: flag('Whether what it does not allow is logged', { detail: true }),
    listener: flag('Whether a process listens that decides about some calls', { detail: true }),
    bypassed: list('Calls that the kernel takes for allowed though the filter does not allow them'),
    changed: flag('Whether what the kernel runs does something else than what was handed to it'),
    chain: list('Addresses of all its filters, the newest first', { detail: true }),
    reason: text('Why it is not told what is allowed', { detail: true }),
  },
  *run({ kernel }) {
    const tasks = listedPlacedTasks(kernel)
    const held = readSeccompTasks(
      kernel,
      tasks.map(({ address }) => address),
    )
    const byFilter = new Map<bigint | null, PlacedTask[]>()
    held.forEach(({ mode, filter }, row) => {
      const task = tasks[row]
      if (task !== undefined && (filter !== null || mode === STRICT)) append(byFilter, filter, task)
    })
    const chains = readSeccompChains(
      kernel,
      [...byFilter.keys()].filter((filter) => filter !== null),
    )
    const names = containerNames(kernel)
    yield [...byFilter].map(([filter, members]) => {
      const pids = [...new Set(members.map(({ pid }) => pid))].sort((left, right) => (left ?? 0) - (right ?? 0))
      const chain = filter === null ? undefined : chains.get(filter)
      const own = filter === null ? STRICT_COLUMNS : chain === undefined ? lost(filter) : filterColumns(chain)
      return {
        ...own,
        ...ownerOf(common(members), names),
        processes: pids.length,
        pids: pids.map(String),
      }
    })
  },
})
