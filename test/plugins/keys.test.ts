/** What a row is known by in another image: each built-in table has it, and it is of one row only. */

import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { IndexEntry } from '../../dist/src/engine/registry.js'
import { sampleImage } from '../../dist/src/sample.js'

const repository = fileURLToPath(new URL('../..', import.meta.url))
const index = new URL('../../dist/bundle/plugins/index.json', import.meta.url)
const analyzers = JSON.parse(readFileSync(index, 'utf8')) as IndexEntry[]
const samples = readdirSync(new URL('../samples/', import.meta.url))

type Row = Record<string, unknown>

function tables(image: string): { table: string; rows: Row[] }[] {
  const plain = analyzers.filter(({ asks, artifacts }) => asks === undefined && artifacts === undefined)
  const names = plain.filter(({ key }) => key !== undefined).map(({ name }) => name)
  const args = ['bin/salvor.cjs', 'run', ...names, image, '-q', '--no-cache', '-f', 'json']
  const { stdout } = spawnSync(process.execPath, args, { cwd: repository, encoding: 'utf8', maxBuffer: 1 << 28 })
  return JSON.parse(stdout)
}

/** Copies of a task that stay in memory after it, or that a fork is only making, have its key: they are not the task. */
function isCounted(table: string, row: Row): boolean {
  return table !== 'process-scan' || row.status === 'live'
}

/**
 * Samples hold what the analyzers read that were there when they were made: these tables may be short in them, and lack
 * parts of a row.
 */
const short: Record<string, string> = {
  'cgroup-limits': 'is in none of them',
  'container-settings': 'needs mounts, which are in none of them',
  'container-changes': 'is in no sample yet',
  'container-logs': 'is in no sample yet',
  'file-payers': 'is made of all struct pages, which samples do not hold',
  checkpoint: 'is of one container',
  'device-rules': 'is in none of them',
  'seccomp-filters': 'is in none of them',
  'working-directories': 'is in none of them',
  'removed-containers': 'is made of all struct pages, which samples do not hold',
  'shell-hash': 'is in none',
  'user-stacks': 'is in none',
  'memory-programs': 'came later',
  'open-files': 'is in docker-debian12 alone',
  netfilter: 'is in none of them',
  credentials: 'are in none of them yet',
  signals: 'are in none of them yet',
  'kernel-threads': 'are in none of them yet',
  ptrace: 'is one thread in docker-debian12 alone',
  'connections-tracked': 'is in none of them',
  modules: 'came later',
  'kernel-settings': 'came later',
  keyrings: 'came later',
  slabs: 'came later',
  'import-hooks': 'is in features-debian12 alone',
  ipset: 'is in features-debian12 alone',
  screen: 'came later',
  framebuffers: 'are on no host',
  'program-formats': 'came later',
  'kernel-log': 'came later',
  'bpf-instructions': 'was not there yet',
  'bpf-links': 'was not there yet; one host has a link',
  'bpf-map-entries': 'was not there yet; one host has an entry',
  'bpf-maps': 'was not there yet; one host has a map',
  'bpf-programs': 'was not there yet',
  firewall: 'is in none of them',
  mounts: 'is in no sample yet',
  interfaces: 'is in none of them',
  neighbours: 'is in none of them',
  routes: 'is in none of them',
  sockets: 'is in none of them',
  files: 'is in no sample yet',
  pods: 'is on no host of these',
  kubernetes: 'is on no host of these',
  extract: 'is in no sample yet',
  watches: 'is in no sample yet',
  'published-ports': 'is in none of them',
  'block-devices': 'is in no sample yet',
  'disk-encryption': 'is on no host',
  ipc: 'is on no host',
  'network-programs': 'are on no host',
  'ipvs-services': 'are on no host',
  'firewall-sets': 'are on no host',
  'trace-buffers': 'is on no host',
  'audit-backlog': 'is on no host',
  'socket-queues': 'is in none of them',
}

/** Samples that are of some tables alone. */
const few: Record<string, string> = {
  'features-debian12': 'has neither containers nor cgroups',
  'preempted-arm64': 'has nothing but stacks',
  'small-debian13': 'has symbols of functions alone',
}

/** Tables of more than one row that have no key. */
const without: Record<string, string> = {
  evidence: 'files may say the same of one thing twice',
  'seccomp-filters': 'filters are told apart by their addresses, which are no part of a key',
  exposure: 'what is about the node has no container',
  drift: 'what differs of a container as a whole has no process, and may have no name',
  findings: 'what a finding is about may have no process and no container',
  'elf-dump': 'files in memory are told apart by their addresses, which are no part of a key',
  'memory-dump': 'mappings are told apart by their addresses, which are no part of a key',
  'elf-files': 'files in memory are told apart by their addresses, which are no part of a key',
  'injected-memory': 'mappings are told apart by their addresses, which are no part of a key',
  'perf-events': 'events of one process may be alike but for their addresses',
  'trace-events': 'a place may be probed twice',
  'kernel-stacks': 'a thread that was on a processor has a row without a frame',
  'kernel-hooks': 'pointers are told apart by where they lie, which is no part of a key',
  'io-memory': 'ranges are told apart by their addresses, which are no part of a key',
  terminals: 'two containers may each have a terminal of the same name',
  'kernel-symbols': 'a name may stand for several addresses, and one address have several names',
  'memory-by-owner': 'what nobody pays for has no cgroup',
  yara: 'what is found is told apart by its addresses',
  search: 'what is found is told apart by its addresses',
  'page-owner': 'places are told apart by their addresses, which are no part of a key',
  'shell-history': 'a command may be typed twice in a second',
  'network-programs': 'a program that its id table lacks has only an address',
  'bpf-attachments': 'a program that its id table lacks has only an address',
  'memory-maps': 'mappings are told apart by their addresses, which are no part of a key',
  'exited-processes': 'what is left of a task may be in memory twice',
  'io-uring': 'a ring that a mapping alone holds has no descriptor',
  timers: 'a thread that sleeps has nothing but its id, and one timer',
  libraries: 'what a loader says may have no name and no file',
  'ssh-sessions': 'a process may have had several keys for one direction',
  timeline: 'two things may happen to one subject in the same moment',
  'audit-backlog': 'an event may have two records that say the same',
  'trace-buffers': 'an event may happen twice in a moment',
  'file-locks': 'a process may have locked one file by several descriptors',
  environment: 'a variable may be in an environment twice',
  secrets: 'a secret may stand in one place twice',
  'published-ports': 'an address stands for all of the host where it is null',
  'connections-tracked': 'a protocol without ports has nothing that tells its connections apart',
  'socket-queues': 'as those of sockets',
  sockets: 'a socket that no descriptor holds is known by its address, which is no part of a key',
  routes: 'hops that are equal may be one route each',
  netfilter: 'a device is a part of what tells functions apart, and most have none',
}

test.each(analyzers)('$name has a key, or a single row, or is known to have neither', ({ name, key, single }) => {
  expect(key === undefined).toBe(single === true || name in without)
})

describe.each(samples)('on the sample %s', (sample) => {
  test('no two rows have the same key, and none lacks a part of it', () => {
    for (const { table, rows } of tables(sampleImage(sample))) {
      const key = analyzers.find(({ name }) => name === table)?.key ?? []
      const counted = rows.filter((row) => isCounted(table, row))
      const keys = counted.map((row) => JSON.stringify(key.map((column) => row[column])))
      const isShort = table in short || sample in few
      if (!isShort) expect(counted.length, table).toBeGreaterThan(3)
      expect(
        keys.filter((one, at) => keys.indexOf(one) !== at || (one.includes('null') && !isShort)),
        table,
      ).toEqual([])
    }
  })
})
