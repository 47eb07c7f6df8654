// Tables of the kernel itself, as /proc and /dev/kmsg have them.
import { cell, setOf, within } from '../compare.mjs'
import { lines } from '../record.mjs'

const LEVELS = ['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug']
const FACILITIES = 'kern user mail daemon auth syslog lpr news uucp cron authpriv ftp'.split(' ')
/** Settings that change by themselves, or with who asks. */
const RESTLESS =
  /^fs\.(dentry-state|file-nr|inode-|aio-nr|quota\.)|^kernel\.(random\.|pty\.nr|ns_last_pid|perf_event_max_sample_rate|tainted)|nf_conntrack_count|^vm\.(stat|drop_caches)|max_newidle_lb_cost$|^debug\./
/** So many of them have to be there; values that only code can tell are not. */
const LEAST_SETTINGS = 100

const hex = (text) => `0x${BigInt(`0x${text}`).toString(16)}`

function modules(record) {
  const rows = lines(record.text('modules')).map((line) => {
    const [name, size, count, users, state, base, taints = ''] = line.split(' ')
    return {
      name,
      size: Number(size),
      base: hex(base.slice(2)),
      state: state.toLowerCase(),
      used_by: setOf(users.split(',').filter((user) => user !== '-' && user !== '' && user !== '[permanent]')),
      references: within(Math.max(0, Number(count) - 2), Number(count) + 2),
      taints: taints.replace(/[()]/g, ''),
    }
  })
  return { key: ['name'], rows }
}

/** What /dev/kmsg escaped. */
const plain = (text) =>
  Buffer.from(
    Buffer.from(text)
      .toString('latin1')
      .replace(/\\x([0-9a-f]{2})/g, (_, byte) => String.fromCharCode(Number.parseInt(byte, 16))),
    'latin1',
  ).toString()

function kernelLog(record) {
  const rows = []
  for (const line of lines(record.text('kmsg'))) {
    if (line.startsWith(' ')) continue
    const [, priority, sequence, time, text] = /^(\d+),(\d+),(\d+),[^;]*;(.*)$/s.exec(line)
    rows.push({
      sequence: Number(sequence),
      seconds: (Number(time) / 1e6).toFixed(6),
      level: LEVELS[Number(priority) & 7],
      facility: FACILITIES[Number(priority) >> 3],
      text: plain(text),
    })
  }
  const last = rows.at(-1).sequence
  return { key: ['sequence'], rows, ours: ({ sequence }) => sequence <= last }
}

function settings(record) {
  const rows = []
  for (const path of record.names('sys/')) {
    const name = path.slice('sys/'.length).replaceAll('.', '*').replaceAll('/', '.').replaceAll('*', '/')
    if (RESTLESS.test(name)) continue
    const words = record.text(path).split(/\s+/).filter(Boolean).join(' ')
    rows.push({
      name,
      value: cell(
        words,
        (got) =>
          String(got ?? '')
            .split(/\s+/)
            .filter(Boolean)
            .join(' ') === words,
      ),
    })
  }
  return { key: ['name'], rows, ours: () => false, maybe: () => rows.length >= LEAST_SETTINGS }
}

function symbols(record) {
  const rows = lines(record.text('kallsyms')).map((line) => {
    const [, address, type, name, module] = /^(\w+) (\S) ([^\t]+)(?:\t\[(.*)\])?$/.exec(line)
    return { address: hex(address), type, name, module: module ?? null }
  })
  return { key: ['address', 'type', 'name', 'module'], rows }
}

function ioMemory(record) {
  const rows = lines(record.text('iomem')).map((line) => {
    const [, indent, start, end, name] = /^( *)(\w+)-(\w+) : (.*)$/.exec(line)
    return { start: hex(start), end: hex(end), name, depth: indent.length / 2 }
  })
  return { key: ['start', 'end', 'name', 'depth'], rows }
}

function ipc(record) {
  const rows = []
  const of = { shm: 'shared memory', sem: 'semaphores', msg: 'message queue' }
  for (const kind of Object.keys(of)) {
    for (const line of lines(record.text(`sysvipc/${kind}`) ?? '').slice(1)) {
      const words = line.trim().split(/\s+/)
      const uid = { shm: 7, sem: 4, msg: 7 }[kind]
      rows.push({
        id: Number(words[1]),
        key: cell(words[0], (got) => Number(got) === Number(words[0])),
        uid: Number(words[uid]),
        kind: cell(kind, () => true),
      })
    }
  }
  return { key: ['id', 'uid'], rows, ours: () => false }
}

/** /proc shows an owner that a user namespace does not know so. */
const OVERFLOW_ID = 65534
const NO_ID = 2 ** 32 - 1

function keyrings(record) {
  const owner = (text) => cell(text, (got) => got === Number(text) || (Number(text) === OVERFLOW_ID && got === NO_ID))
  const rows = lines(record.text('keys')).map((line) => {
    const [serial, , uses, , permissions, uid, gid, type] = line.trim().split(/\s+/)
    return {
      serial: Number.parseInt(serial, 16),
      uid: owner(uid),
      gid: owner(gid),
      // Cut off after nine characters.
      type: cell(type, (got) => String(got).slice(0, 9) === type),
      uses: within(1, Number(uses) + 40),
      permissions: cell(permissions, (got) => String(got).replace(/^0x/, '').endsWith(permissions.replace(/^0+/, ''))),
    }
  })
  return { key: ['serial'], rows, ours: () => false }
}

function slabs(record) {
  const rows = lines(record.text('slabinfo'))
    .slice(2)
    .map((line) => {
      const [name, , , size, per, pages] = line.split(/\s+/)
      return {
        name,
        object_size: cell(size, (got) => got > 0 && got <= Number(size)),
        objects_per_slab: Number(per),
        pages_per_slab: Number(pages),
      }
    })
  return { key: ['name'], rows, ours: () => false }
}

export const KERNEL = {
  modules,
  'kernel-log': kernelLog,
  'kernel-settings': settings,
  'kernel-symbols': symbols,
  'io-memory': ioMemory,
  ipc,
  keyrings,
  slabs,
}
