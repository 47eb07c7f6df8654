/** Notes of a core file, as Linux writes them (fs/binfmt_elf.c, include/linux/elfcore.h) for processes of 64 bits. */

const NT_PRSTATUS = 1
const NT_PRPSINFO = 3
const NT_AUXV = 6
const NT_FILE = 0x46494c45
const WORD = 8
/** `struct elf_prstatus`: where pid, parent and registers lie, and what is behind these. */
const PRSTATUS = { pid: 32, parent: 36, registers: 112, behind: 8 }
/** `struct elf_prpsinfo`. */
const PRPSINFO = { length: 136, state: 1, flags: 8, uid: 16, gid: 20, pid: 24, parent: 28, name: 40, args: 56 }
const [NAME, ARGS] = [16, 80]
/** A machine whose core files are written. */
export interface CoreMachine {
  /** Its number in ELF headers. */
  readonly number: number
  /** Bytes of `struct pt_regs` with which the registers of a core file begin. */
  readonly registers: number
  /** Bytes behind these for segments: the bases of two, then the selectors of four (`struct user_regs_struct`). */
  readonly segments: number
}

/** By `uname -m`. Of arm64 the registers are `struct user_pt_regs` (arch/arm64/include/uapi/asm/ptrace.h). */
export const MACHINES: Readonly<Record<string, CoreMachine>> = {
  x86_64: { number: 62, registers: 21 * WORD, segments: 6 * WORD },
  aarch64: { number: 183, registers: 34 * WORD, segments: 0 },
}

/** A thread, as a note tells of it. */
export interface CoreThread {
  readonly tid: number
  readonly parent: number
  /** As `struct pt_regs` has them. */
  readonly registers: Uint8Array | null
  readonly fsBase: bigint
  readonly gsBase: bigint
}

/** A process, as a note tells of it. */
export interface CoreProcess {
  readonly pid: number
  readonly parent: number
  readonly uid: number
  readonly gid: number
  /** The letter that /proc shows. */
  readonly state: string
  readonly name: string
  readonly args: string
}

/** A file that is mapped, from an offset in bytes on. */
export interface CoreFile {
  readonly start: bigint
  readonly end: bigint
  readonly offset: bigint
  readonly path: string
}

function note(type: number, descriptor: Uint8Array): Buffer {
  const padded = Buffer.alloc(20 + ((descriptor.length + 3) & ~3))
  padded.writeUInt32LE(5, 0)
  padded.writeUInt32LE(descriptor.length, 4)
  padded.writeUInt32LE(type, 8)
  padded.write('CORE', 12)
  padded.set(descriptor, 20)
  return padded
}

/** The registers of a thread: zeros where nobody saved them. */
export function threadNote({ tid, parent, registers, fsBase, gsBase }: CoreThread, machine: CoreMachine): Buffer {
  const bases = PRSTATUS.registers + machine.registers
  const status = Buffer.alloc(bases + machine.segments + PRSTATUS.behind)
  status.writeInt32LE(tid, PRSTATUS.pid)
  status.writeInt32LE(parent, PRSTATUS.parent)
  if (registers !== null) {
    status.set(registers.subarray(0, machine.registers), PRSTATUS.registers)
    if (machine.segments > 0) {
      status.writeBigUInt64LE(fsBase, bases)
      status.writeBigUInt64LE(gsBase, bases + WORD)
    }
  }
  return note(NT_PRSTATUS, status)
}

export function processNote({ pid, parent, uid, gid, state, name, args }: CoreProcess): Buffer {
  const info = Buffer.alloc(PRPSINFO.length)
  info.write(state.slice(0, 1), PRPSINFO.state, 'latin1')
  info.writeUInt32LE(uid >>> 0, PRPSINFO.uid)
  info.writeUInt32LE(gid >>> 0, PRPSINFO.gid)
  info.writeInt32LE(pid, PRPSINFO.pid)
  info.writeInt32LE(parent, PRPSINFO.parent)
  info.write(name, PRPSINFO.name, NAME - 1)
  info.write(args, PRPSINFO.args, ARGS - 1)
  return note(NT_PRPSINFO, info)
}

/** The vector that the kernel gave the program, as the process's `mm_struct` keeps it. */
export function auxiliaryNote(vector: Uint8Array): Buffer {
  return note(NT_AUXV, vector)
}

/** What a debugger takes the names of files from. */
export function filesNote(files: readonly CoreFile[], pageSize: bigint): Buffer {
  const words = new BigUint64Array(2 + 3 * files.length)
  words.set([BigInt(files.length), pageSize])
  for (const [index, { start, end, offset }] of files.entries())
    words.set([start, end, offset / pageSize], 2 + 3 * index)
  const names = Buffer.from(files.map(({ path }) => `${path.replaceAll('\0', '')}\0`).join(''))
  return note(NT_FILE, Buffer.concat([new Uint8Array(words.buffer), names]))
}
