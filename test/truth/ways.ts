/** The formats that memory can be written in here, beside those that there is a tool for, and what packs a file of it. */

import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { gzipSync } from 'node:zlib'
import { create } from 'tar'
import {
  type Write,
  writeCrashDump,
  writeKcore,
  writeLibvirt,
  writeLibvirtGzip,
  writeLibvirtSparse,
  writeMappedRam,
  writeQemu,
  writeVirtualBox,
  writeVmware,
  writeVmwareSnapshot,
  writeXen,
} from './hypervisors.js'

/** What salvor calls the format, how a file of it is called, and what writes it. */
export type Way = [string, string, Write]

export const FORMATS: Way[] = [
  ['qemu', 'guest.stream', writeQemu],
  ['qemu', 'guest.mapped', writeMappedRam],
  ['qemu', 'guest.save', writeLibvirt],
  ['qemu', 'guest.save-gz', writeLibvirtGzip],
  ['qemu', 'guest.save-sparse', writeLibvirtSparse],
  ['vmware', 'guest.vmem', writeVmware],
  ['vmware', 'guest.vmsn', writeVmwareSnapshot],
  ['elf', 'guest.xen-core', writeXen],
  ['elf', 'guest.vbox-core', writeVirtualBox],
  ['elf', 'kcore', writeKcore],
  ['crash-dump', 'memory.dmp', writeCrashDump],
]
/** What packs a file, by the ending that it then has; a tool that is not there is told. */
export const PACKED: [string, (from: string, to: string) => string | undefined][] = [
  ['gz', (from, to) => void writeFileSync(to, gzipSync(readFileSync(from), { level: 1 }))],
  ['tar.gz', (from, to) => void create({ file: to, cwd: dirname(from), gzip: true, sync: true }, ['memory.lime'])],
  ['xz', (from, to) => by('xz', ['-0', '-T1', '-k', '-c'], from, to)],
  ['zst', (from, to) => by('zstd', ['-q', '-1', '-c'], from, to)],
  ['lz4', (from, to) => by('lz4', ['-q', '-c'], from, to)],
]

function by(tool: string, args: string[], from: string, to: string): string | undefined {
  const { error, stdout } = spawnSync(tool, [...args, from], { maxBuffer: 1 << 30 })
  if (error !== undefined) return `${tool} is not installed`
  writeFileSync(to, stdout)
  return undefined
}
