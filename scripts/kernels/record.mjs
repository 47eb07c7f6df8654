// What a guest recorded: frames of a name and bytes (see guest/record.c), and the objects that they tell of.
import { readFileSync } from 'node:fs'

const NEWLINE = 10
const CONTAINER = /(?:docker|cri-containerd|libpod)-([0-9a-f]{64})\.scope|\/docker\/([0-9a-f]{64})/

/** Reads frames; a name that comes more than once has all its contents. */
function frames(bytes) {
  const found = new Map()
  for (let at = 0; ; ) {
    const end = bytes.indexOf(NEWLINE, at)
    if (end < 0) throw new Error('the record is cut off')
    const head = bytes.toString('latin1', at, end)
    const space = head.lastIndexOf(' ')
    const name = Buffer.from(head.slice(0, space), 'latin1').toString()
    const length = Number(head.slice(space + 1))
    const data = bytes.subarray(end + 1, end + 1 + length)
    if (!Number.isInteger(length) || data.length !== length) throw new Error('the record is cut off')
    if (name === 'end') return found
    found.set(name, [...(found.get(name) ?? []), data])
    at = end + 1 + length
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true })
const PARTS = /[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}|[\x80-\xff]/g

/** Bytes as salvor tells them: UTF-8, and what is none as `\\xff`. */
function textOf(bytes) {
  try {
    return UTF8.decode(bytes)
  } catch {
    const part = (text) => {
      try {
        return UTF8.decode(Buffer.from(text, 'latin1'))
      } catch {
        return [...Buffer.from(text, 'latin1')].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')
      }
    }
    return bytes.toString('latin1').replace(PARTS, part)
  }
}

/** Text that the kernel escaped in octal, as in maps and mountinfo. */
export const unescaped = (text) =>
  /\\[0-7]{3}/.test(text)
    ? Buffer.from(
        Buffer.from(text)
          .toString('latin1')
          .replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8))),
        'latin1',
      ).toString()
    : text

export const lines = (text) => text.split('\n').filter(Boolean)

/** Words of /proc/PID/stat from the state on: the name before them may hold anything. */
function statOf(text) {
  const words = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return {
    state: words[0],
    ppid: Number(words[1]),
    tty: Number(words[4]),
    flags: Number(words[6]),
    start: Number(words[19]),
  }
}

const KTHREAD = 0x00200000

/** A process or thread, by its folder. */
class Task {
  constructor(record, folder) {
    this.record = record
    this.folder = folder
    const text = (name) => record.text(`${folder}/${name}`) ?? ''
    this.id = Number(folder.split('/').at(-1))
    this.status = Object.fromEntries(lines(text('status')).map((line) => line.split(/:\t(.*)/s).slice(0, 2)))
    Object.assign(this, statOf(text('stat')))
    this.pid = Number(this.status.Tgid)
    this.comm = text('comm').slice(0, -1)
    this.kernel = (this.flags & KTHREAD) !== 0
    this.ids = (name) => (this.status[name] ?? '').trim().split(/\s+/).filter(Boolean).map(Number)
    this.spaces = Object.fromEntries(
      ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'time', 'user', 'uts'].map((kind) => {
        const inode = /\[(\d+)\]/.exec(text(`ns/${kind}`))?.[1]
        return [kind, inode === undefined ? null : Number(inode)]
      }),
    )
    this.cgroups = lines(text('cgroup')).map((line) => /^(\d+):([^:]*):(.*)$/.exec(line)?.slice(1) ?? [])
    this.container =
      this.cgroups
        .map(([, , path]) => CONTAINER.exec(path))
        .find(Boolean)
        ?.slice(1)
        .find(Boolean) ?? null
  }

  text(name) {
    return this.record.text(`${this.folder}/${name}`)
  }

  /** Strings that each end with a NUL. */
  strings(name) {
    const text = this.text(name) ?? ''
    return text === '' ? [] : text.replace(/\0$/, '').split('\0')
  }

  /** Whether it has ended: then /proc has little of it. */
  get ended() {
    return this.state === 'Z' || this.state === 'X'
  }
}

/** Everything that one guest recorded. */
export class Record {
  #frames

  constructor(bytes) {
    this.#frames = frames(bytes)
    // The recorder and the shell that started it; they have ended since.
    const recorder = Number(this.text('recorder'))
    this.recorders = [recorder, statOf(this.text(`${recorder}/stat`)).ppid].filter((pid) => pid !== 1)
    const all = (pattern) => [...this.#frames.keys()].filter((name) => pattern.test(name))
    this.processes = all(/^\d+\/stat$/)
      .map((name) => new Task(this, name.slice(0, -'/stat'.length)))
      .filter(({ pid }) => !this.recorders.includes(pid))
      .sort((left, right) => left.pid - right.pid)
    this.threads = all(/^\d+\/task\/\d+\/stat$/)
      .map((name) => new Task(this, name.slice(0, -'/stat'.length)))
      .filter(({ pid }) => !this.recorders.includes(pid))
    this.boot = Number(/^btime (\d+)$/m.exec(this.text('stat'))?.[1])
  }

  static read(path) {
    return new Record(readFileSync(path))
  }

  bytes(name) {
    return this.#frames.get(name)?.[0] ?? null
  }

  text(name) {
    const bytes = this.bytes(name)
    return bytes === null ? null : textOf(bytes)
  }

  /** Contents of all frames of a name. */
  each(name) {
    return (this.#frames.get(name) ?? []).map(String)
  }

  names(prefix) {
    return [...this.#frames.keys()].filter((name) => name.startsWith(prefix))
  }

  /** Open files of a process: descriptor, what it leads to and what fstat and fdinfo said. */
  files({ pid }) {
    return this.names(`${pid}/files/`).map((name) => {
      const fd = Number(name.split('/').at(-1))
      const [, device, inode, mode, size, links, target] = /^(\S+) (\d+) (\d+) (-?\d+) (\d+)\n(.*)$/s.exec(
        this.text(name),
      )
      const info = lines(this.text(`${pid}/fdinfo/${fd}`) ?? '').map((line) => line.split(/:\t(.*)/s).slice(0, 2))
      const numbers = { inode: Number(inode), mode: Number.parseInt(mode, 8), size: Number(size), links: Number(links) }
      return { fd, device, target, ...numbers, info: Object.fromEntries(info) }
    })
  }

  /** A process of each network namespace, for its tables. */
  networks() {
    return this.processes.filter(({ pid }) => this.bytes(`${pid}/net/unix`) !== null)
  }
}
