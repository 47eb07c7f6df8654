import { address, count, defineAnalyzer, flag, integer, list, text } from 'salvor'
import { capabilityNames, memberColumns, readMembers } from 'salvor/containers'
import { type Credentials, readCredentials } from 'salvor/kernel'

/** How many processes have each `struct cred`. */
function holders(credentials: readonly Credentials[]): Map<bigint | null, number> {
  const found = new Map<bigint | null, number>()
  for (const { address } of credentials) found.set(address, (found.get(address) ?? 0) + 1)
  return found
}

const names = (set: bigint | null) => (set === null ? null : capabilityNames(set))

export default defineAnalyzer({
  name: 'credentials',
  aliases: ['capabilities', 'caps', 'check-creds'],
  summary: 'Ids, capabilities, seccomp, label and id maps of every process',
  description:
    'As /proc/PID/status, attr/current, uid_map and loginuid show them; ids are those of the initial user namespace. A ' +
    'process that shares its credentials with another was given them by something in the kernel (`shared_with`); one ' +
    'that acts with others than its own does so for a moment, or was made to (`overridden`).',
  torn: 'a process that was there throughout is one row, right in each cell that is not null.',
  examples: [
    {
      command: 'salvor credentials memory.elf --container shop-web-1',
      what: 'what the processes of a container may do',
    },
    { command: 'salvor credentials memory.elf --columns pid,comm,seccomp,label', what: 'what holds each process' },
  ],
  key: ['pid'],
  columns: {
    address: address('Address of the struct cred', { detail: true }),
    ...memberColumns,
    uid: integer('Real user id'),
    euid: integer('Effective user id'),
    suid: integer('Saved user id', { detail: true }),
    fsuid: integer('User id for files', { detail: true }),
    gid: integer('Real group id', { detail: true }),
    egid: integer('Effective group id', { detail: true }),
    sgid: integer('Saved group id', { detail: true }),
    fsgid: integer('Group id for files', { detail: true }),
    groups: list('Ids of its supplementary groups', { detail: true }),
    cap_inheritable: list('Capabilities that it may pass on', { detail: true }),
    cap_permitted: list('Capabilities that it may take', { detail: true }),
    cap_effective: list('Capabilities that it has'),
    cap_bounding: list('Capabilities that it and its children may gain', { detail: true }),
    cap_ambient: list('Capabilities that stay when it runs a program', { detail: true }),
    securebits: integer('SECBIT_… flags that change what root may do', { detail: true }),
    seccomp: text('disabled, strict or filter'),
    seccomp_filters: count('Filters that its system calls pass', { detail: true }),
    no_new_privs: flag('Whether it gains nothing by running a program', { detail: true }),
    label: text('Label of AppArmor or SELinux, as in attr/current; null where neither is in use'),
    uid_map: list('User ids of its namespace: first inside, first outside, how many', { detail: true }),
    gid_map: list('Group ids of its namespace: first inside, first outside, how many', { detail: true }),
    login_uid: integer('User id that somebody logged in with; null if nobody did', { detail: true }),
    session_id: integer('Audit session of that login', { detail: true }),
    overridden: flag('Whether it acts with credentials that are not its own', { detail: true }),
    shared_with: count('Other processes that have this very struct cred', { detail: true }),
  },
  async *run({ kernel }) {
    const members = readMembers(kernel)
    const credentials = readCredentials(kernel, [...members.keys()])
    const holding = holders(credentials)
    yield credentials.flatMap(({ task, capabilities, ...own }) => {
      const member = members.get(task)
      if (member === undefined) return []
      return {
        ...own,
        ...member,
        groups: own.groups.map(String),
        cap_inheritable: names(capabilities.inheritable),
        cap_permitted: names(capabilities.permitted),
        cap_effective: names(capabilities.effective),
        cap_bounding: names(capabilities.bounding),
        cap_ambient: names(capabilities.ambient),
        shared_with: own.address === null ? null : (holding.get(own.address) ?? 1) - 1,
      }
    })
  },
})
