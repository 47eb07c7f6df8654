// A guest under QEMU: its console, and its monitor by QMP.
import { spawn } from 'node:child_process'
import { createWriteStream, existsSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const SECONDS_TO_CONNECT = 30

function commandOf({ arch, cpu, cgroup, ram, append: more = '' }, folder) {
  const arm = arch === 'arm64'
  // On a busy host a kernel of x86-64 takes the timer for a broken one.
  const own = arm ? 'console=ttyAMA0,115200' : 'console=ttyS0,115200 no_timer_check'
  const append = `${own} loglevel=4 panic=-1 printk.devkmsg=on guest.cgroup=${cgroup} ${more}`.trimEnd()
  return [
    arm ? 'qemu-system-aarch64' : 'qemu-system-x86_64',
    ...(arm ? ['-machine', 'virt,gic-version=3'] : []),
    ...['-accel', 'tcg,thread=multi', '-cpu', cpu, '-smp', '2', '-m', String(ram), '-nodefaults', '-display', 'none'],
    ...['-no-reboot', '-kernel', join(folder, 'vmlinuz'), '-initrd', join(folder, 'initrd'), '-append', append],
    ...[
      '-chardev',
      `socket,id=console,path=${join(folder, 'console')},server=on,wait=off`,
      '-serial',
      'chardev:console',
    ],
    ...['-qmp', `unix:${join(folder, 'qmp')},server=on,wait=off`],
    ...['-drive', `file=${join(folder, 'record')},format=raw,if=none,id=record,cache=unsafe`],
    ...['-device', 'virtio-blk-pci,drive=record', '-device', 'vmcoreinfo'],
  ]
}

async function connected(path) {
  for (let tries = 0; ; tries++) {
    const socket = connect(path)
    const error = await new Promise((resolve) => socket.once('connect', () => resolve(null)).once('error', resolve))
    if (error === null) return socket
    if (tries > 10 * SECONDS_TO_CONNECT) throw error
    await sleep(100)
  }
}

/** Monitor commands, one at a time. */
class Monitor {
  #socket
  #lines = []
  #wake = null

  constructor(socket) {
    this.#socket = socket
    let rest = ''
    socket.setEncoding('utf8').on('data', (part) => {
      const lines = (rest + part).split('\n')
      rest = lines.pop()
      this.#lines.push(...lines.filter((line) => line.trim() !== '').map((line) => JSON.parse(line)))
      this.#wake?.()
    })
  }

  async #answer() {
    for (;;) {
      while (this.#lines.length > 0) {
        const line = this.#lines.shift()
        if (line.error !== undefined) throw new Error(line.error.desc)
        if (line.return !== undefined) return line.return
      }
      await new Promise((resolve) => {
        this.#wake = resolve
      })
    }
  }

  ask(execute, args = {}) {
    this.#socket.write(`${JSON.stringify({ execute, arguments: args })}\n`)
    return this.#answer()
  }
}

/** A guest that runs until `end`. */
export class Guest {
  #process
  #monitor
  #console
  #said = ''
  #ended = false

  static async boot(kernel, folder) {
    for (const name of ['console', 'qmp']) rmSync(join(folder, name), { force: true })
    const guest = new Guest()
    const [command, ...args] = commandOf(kernel, folder)
    guest.#process = spawn('nice', ['-n', '10', command, ...args], { stdio: ['ignore', 'inherit', 'inherit'] })
    guest.#process.on('exit', () => {
      guest.#ended = true
    })
    const log = createWriteStream(join(folder, 'console.log'))
    guest.#console = await connected(join(folder, 'console'))
    guest.#console.setEncoding('latin1').on('data', (text) => {
      guest.#said += text
      log.write(text, 'latin1')
    })
    guest.#monitor = new Monitor(await connected(join(folder, 'qmp')))
    await guest.#monitor.ask('qmp_capabilities')
    return guest
  }

  /** Waits until the guest has said a word on its console. */
  async says(word, seconds) {
    const end = Date.now() + 1000 * seconds
    while (!this.#said.includes(word)) {
      const last = this.#said.trimEnd().split('\n').slice(-3).join(' / ')
      if (this.#ended || Date.now() > end || /Kernel panic|GUEST-FAILED/.test(this.#said)) {
        throw new Error(`the guest did not say ${word}; last was: ${last}`)
      }
      await sleep(200)
    }
  }

  /** Lets the guest go on to its next step. */
  step() {
    this.#console.write('\n')
  }

  /** Stops the guest, writes its memory and, unless it is the last, lets it go on. */
  async dump(path, { last = false } = {}) {
    await this.#monitor.ask('stop')
    if (existsSync(path)) rmSync(path)
    await this.#monitor.ask('dump-guest-memory', { paging: false, protocol: `file:${path}` })
    if (!last) await this.#monitor.ask('cont')
  }

  async end() {
    if (!this.#ended) this.#process.kill('SIGKILL')
    this.#console?.destroy()
    while (!this.#ended) await sleep(50)
  }
}
