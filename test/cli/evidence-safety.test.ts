/** Evidence is never harmed: what a run reads is never written to, and what cannot be read is told. */

import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sampleImage } from '../../dist/src/sample.js'

const SALVOR = join(import.meta.dirname, '../../bin/salvor.cjs')

let folder: string
let image: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-safe-'))
  image = join(folder, 'memory.lime')
  copyFileSync(sampleImage(), image)
  chmodSync(image, 0o600)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

interface Run {
  readonly status: number | null
  readonly stdout: string
  readonly lines: readonly string[]
}

function ended(result: { status: number | null; stdout: string | null; stderr: string | null }): Run {
  const lines = (result.stderr ?? '').split('\n').filter((line) => line !== '')
  expect(result.stderr).not.toMatch(/\n\s+at |node:internal|dist\/bundle|panicked/)
  return { status: result.status, stdout: result.stdout ?? '', lines }
}

function salvor(...args: string[]): Run {
  return ended(spawnSync(process.execPath, [SALVOR, ...args], { cwd: folder, encoding: 'utf8', timeout: 60_000 }))
}

/** Runs a line of shell in which `$salvor` is the command. */
function shell(line: string): Run {
  const env = { ...process.env, salvor: `${process.execPath} ${SALVOR}` }
  return ended(spawnSync('sh', ['-c', line], { cwd: folder, encoding: 'utf8', env, timeout: 60_000 }))
}

function write(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const plugin = `import { defineAnalyzer, text } from 'salvor'
export default defineAnalyzer({
  name: 'own', area: 'own', summary: 'Of a test', columns: { value: text('A value') },
  *run() { yield { value: 'v' } },
})
`

describe('an output that is an input is refused before anything is opened', () => {
  const whole = readFileSync(sampleImage())

  function refused(args: string[], run: Run = salvor(...args)): void {
    expect(run).toMatchObject({ status: 2, stdout: '', lines: [expect.stringMatching(/^salvor: .*read by this run/)] })
    expect(readFileSync(image).equals(whole)).toBe(true)
    expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([])
  }

  beforeEach(() => {
    symlinkSync('memory.lime', join(folder, 'symbolic'))
    linkSync(image, join(folder, 'hard'))
    symlinkSync('.', join(folder, 'around'))
  })

  const outputs = ['memory.lime', './memory.lime', 'symbolic', 'hard', 'around/memory.lime']

  it.each(outputs)('by an analyzer that writes to %s', (output) => {
    refused(['processes', 'memory.lime', '-o', output, '--force'])
    refused(['processes', 'symbolic', '-o', output])
  })

  it.each(outputs)('by distill that writes to %s', (output) => {
    refused(['distill', 'memory.lime', '-o', output, '--force'])
  })

  it.each(outputs)('by run that writes to %s', (output) => {
    write('other.raw', 'x')
    refused(['run', 'info', 'processes', 'other.raw', 'memory.lime', '-f', 'json', '-o', output, '--force'])
    refused(['run', 'info', 'processes', 'other.raw', 'memory.lime', '-f', 'csv', '-o', output, '--force'])
  })

  it('by a table that would be written in a folder of tables', () => {
    mkdirSync(join(folder, 'tables'))
    linkSync(image, join(folder, 'tables/processes.csv'))
    refused(['run', 'info', 'processes', 'memory.lime', '-f', 'csv', '-o', 'tables', '--force'])
    symlinkSync('../memory.lime', join(folder, 'tables/2-other.raw-info.csv'))
    refused(['run', 'info', 'memory.lime', 'other.raw', '-f', 'csv', '-o', 'tables', '--force'])
  })

  it('by a plugin', () => {
    write('own.ts', plugin)
    refused(['own', 'memory.lime', '--plugin', './own.ts', '-o', 'own.ts', '--force'])
    refused(['distill', 'memory.lime', '--plugin', './own.ts', '-o', 'own.ts', '--force'])
    expect(readFileSync(join(folder, 'own.ts'), 'utf8')).toBe(plugin)
  })

  it('by standard output that is appended to it', () => {
    refused([], shell('$salvor processes memory.lime >> hard'))
    refused([], shell('$salvor processes memory.lime -o /dev/stdout >> symbolic'))
    refused([], shell('$salvor processes memory.lime -o /dev/fd/7 7>> symbolic'))
  })
})

describe('an existing file', () => {
  const forced = expect.stringMatching(/ is there already: --force replaces it$/)

  it.each([
    ['an analyzer', ['info', 'memory.lime', '-o', 'out']],
    ['distill', ['distill', 'memory.lime', '-o', 'out', '--analyzers', 'info', '-q']],
    ['run', ['run', 'info', 'memory.lime', '-f', 'csv', '-o', '.']],
    ['new-plugin', ['new-plugin', 'out']],
  ])('is not replaced by %s without --force, and keeps its mode with it', (_what, args) => {
    const paths = ['out', 'info.csv', 'out.ts'].map((name) => write(name, 'old'))
    for (const path of paths) chmodSync(path, 0o640)
    expect(salvor(...args)).toMatchObject({ status: 2, stdout: '', lines: [forced] })
    expect(paths.map((path) => readFileSync(path, 'utf8'))).toEqual(['old', 'old', 'old'])
    expect(salvor(...args, '--force').status).toBe(0)
    const replaced = paths.filter((path) => readFileSync(path, 'utf8') !== 'old')
    expect(replaced).toHaveLength(1)
    expect(replaced.map((path) => statSync(path).mode & 0o777)).toEqual([0o640])
  })

  it('of two that new-plugin would write is enough to write none', () => {
    write('out.test.ts', 'old')
    expect(salvor('new-plugin', 'out')).toMatchObject({ status: 2, lines: [forced] })
    expect(existsSync(join(folder, 'out.ts'))).toBe(false)
  })

  it('is none that is a device or a pipe: these are written to', () => {
    expect(salvor('info', 'memory.lime', '-o', '/dev/null')).toMatchObject({ status: 0, stdout: '', lines: [] })
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true)
    const piped = shell('mkfifo pipe; cat pipe & $salvor info memory.lime -f ndjson -o pipe; wait')
    expect(piped).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\{.*\}\n$/) })
    const appended = shell('echo before > out; $salvor info memory.lime -f ndjson -o /dev/stdout >> out; cat out')
    expect(appended).toMatchObject({ status: 0, stdout: expect.stringMatching(/^before\n\{.*\}\n$/) })
    const opened = shell('$salvor info memory.lime -f ndjson -o /dev/fd/7 7> seven; cat seven')
    expect(opened).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\{.*\}\n$/) })
  })

  it('is none that distill may take: an image is a file', () => {
    const run = salvor('distill', 'memory.lime', '-o', '/dev/null', '--force')
    expect(run).toMatchObject({ status: 2, lines: [expect.stringMatching(/name a file$/)] })
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true)
  })
})

describe('an output that fails is one line', () => {
  const full = (name: string) => [`salvor: ${name} cannot be written: no space left on device`]

  it('for a device that is full', () => {
    expect(salvor('processes', 'memory.lime', '-q', '-o', '/dev/full')).toMatchObject({
      status: 1,
      lines: full('/dev/full'),
    })
  })

  it.each(['processes memory.lime -q', 'info memory.lime -f json', 'analyzers', 'schema processes', '--help'])(
    'for standard output that is full: %s',
    (args) => {
      expect(shell(`$salvor ${args} > /dev/full`)).toMatchObject({ status: 1, lines: full('standard output') })
    },
  )

  it('for a file that may not grow further, which leaves nothing behind', () => {
    const grown = expect.stringMatching(/^salvor: out cannot be written: file too large/i)
    expect(shell('ulimit -f 1; $salvor processes memory.lime -q -f json -o out')).toMatchObject({
      status: 1,
      lines: [grown],
    })
    expect(shell('ulimit -f 1; $salvor distill memory.lime --analyzers processes -q -o out')).toMatchObject({
      status: 1,
      lines: [grown],
    })
    expect(shell('ulimit -f 1; $salvor processes memory.lime -q -f json > out')).toMatchObject({
      status: 1,
      lines: [expect.stringMatching(/^salvor: standard output cannot be written: file too large/i)],
    })
    expect(readdirSync(folder).sort()).toEqual(['memory.lime', 'out'])
  })

  it.each([
    ['several tables that go to a file', 'run info processes memory.lime -f csv -o file', /file is no directory, and/],
    ['a folder below a file', 'run info processes memory.lime -f csv -o file/x', /\/file is no directory, and/],
    ['a folder by its name', 'info memory.lime -o gone/', /gone\/ is a directory$/],
    ['a file in no directory', 'info memory.lime -o gone/out', /there is no directory gone$/],
    ['a folder that takes no files', 'info memory.lime -o /proc/out', /\/proc\/out cannot be written: /],
    ['a plugin in a file', 'new-plugin own --directory file', /^salvor: \S*file\S* cannot be written: /],
  ])('for %s', (_what, args, message) => {
    write('file', '')
    expect(salvor(...args.split(' '))).toMatchObject({ status: 2, stdout: '', lines: [expect.stringMatching(message)] })
  })

  it('and nothing at all for a reader that goes away', async () => {
    const taken = shell('$salvor processes memory.lime -q -f ndjson | head -n 1')
    expect(taken).toMatchObject({ status: 0, lines: [], stdout: expect.stringMatching(/^\{.*\}\n$/) })
    const piped = shell('mkfifo pipe; head -c 10 pipe & $salvor processes memory.lime -q -f json -o pipe')
    expect(piped).toMatchObject({ status: 0, lines: [] })
  })

  it('and nothing at all for standard output that is closed', () => {
    expect(shell('$salvor info memory.lime >&-')).toMatchObject({ status: 0, lines: [] })
  })
})

describe('an image that is not a file is one line and never a wait', () => {
  it.each([
    ['a FIFO', () => void spawnSync('mkfifo', [join(folder, 'evidence')]), 'evidence', /a FIFO, not a regular file/],
    ['a device without end', () => {}, '/dev/zero', /a device, not a regular file/],
    [
      'a FIFO by a link',
      () => {
        spawnSync('mkfifo', [join(folder, 'pipe')])
        symlinkSync('pipe', join(folder, 'evidence'))
      },
      'evidence',
      /a FIFO, not a regular file/,
    ],
  ])('%s', (_what, make, path, message) => {
    make()
    expect(salvor('processes', path)).toMatchObject({ status: 3, stdout: '', lines: [expect.stringMatching(message)] })
    expect(salvor('distill', path, '-o', 'out')).toMatchObject({ status: 3, lines: [expect.stringMatching(message)] })
  })

  it('a socket', async () => {
    const path = join(folder, 'socket')
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(path, resolve))
    try {
      const message = expect.stringMatching(/a socket, not a regular file/)
      expect(salvor('processes', path)).toMatchObject({ status: 3, lines: [message] })
    } finally {
      server.close()
    }
  })
})

/** A plugin that cuts the image off in its run and then reads on, itself and by the scan of another that needs it. */
const cutter = (path: string, at: number) => `import { truncateSync } from 'node:fs'
import { count, defineAnalyzer, integer, list, need, scan, text } from 'salvor'
export const cut = defineAnalyzer({
  name: 'cut', area: 'own', summary: 'Cuts', columns: { before: integer('n'), pid: integer('n'), comm: text('n') },
  async *run({ kernel }) {
    const tasks = () => kernel.symbol('init_task', 'struct task_struct').walk(
      { kind: 'list', head: 'tasks', type: 'struct task_struct', link: 'tasks', inclusive: true },
    ).select({ pid: 'pid', comm: { path: 'comm', as: 'string' } })
    const before = tasks().length
    truncateSync(${JSON.stringify(path)}, ${at})
    for (const row of tasks()) yield { before, pid: row.pid, comm: row.comm }
  },
})
export const scanned = defineAnalyzer({
  name: 'scanned', area: 'own', summary: 'Scans', columns: { hits: count('n'), found: list('n') },
  needs: { cut: need(cut) }, scans: { tasks: scan.tasks() },
  async *run({ scans }) { yield { hits: scans.tasks.length, found: [] } },
})
`

describe('an image that is cut off while it is read', () => {
  const { size } = statSync(sampleImage())

  function cutAt(share: number, analyzers: string): Run & { told: string[] } {
    const at = Math.floor(size * share)
    write('cutter.ts', cutter(image, at))
    const args = ['memory.lime', '--plugin', './cutter.ts', '-f', 'json', '--no-cache']
    const run = salvor(...analyzers.split(' '), ...args)
    return { ...run, told: run.lines.filter((line) => line.includes(`was cut off at offset 0x${at.toString(16)}`)) }
  }

  it('gives what is left as a partial result, unreadable values as null, and says at which offset', () => {
    const run = cutAt(0.95, 'cut')
    expect([run.status, run.told]).toEqual([5, [expect.stringMatching(/^warning: the file was cut off/)]])
    const { rows, warnings } = JSON.parse(run.stdout)
    expect(rows.length).toBeGreaterThan(10)
    expect(rows.length).toBeLessThan(rows[0].before)
    expect(warnings).toContainEqual({ code: 'unreadable', message: expect.stringMatching(/^the file was cut off/) })
    // A task of zeros would be another one with pid 0.
    expect(rows.filter(({ pid }: { pid: number | null }) => pid === 0)).toHaveLength(1)
  })

  it('is scanned as far as it goes, and said once however many tables it concerns', () => {
    const run = cutAt(0.9, 'run cut scanned')
    expect([run.status, run.told.length]).toEqual([5, 1])
    const [, scanned] = JSON.parse(run.stdout)
    expect(scanned.warnings.filter(({ message }: { message: string }) => message.includes('cut off'))).toHaveLength(1)
    expect(scanned.rows[0].hits).toBeGreaterThan(10)
  })

  it('is an error when the types are lost with the rest', () => {
    const run = cutAt(0.5, 'cut')
    expect(run).toMatchObject({ status: 3, lines: run.told })
    expect(run.told).toEqual([expect.stringMatching(/^salvor: cut: .*the kernel's types with them$/)])
  })
})

/** Stands between salvor and the system: one page of one file cannot be read, as on a disk that fails. */
const failingDisk = `#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
ssize_t pread64(int fd, void *out, size_t length, off64_t offset) {
  struct stat facts;
  off64_t bad = atoll(getenv("BAD_OFFSET"));
  if (fstat(fd, &facts) == 0 && facts.st_ino == strtoull(getenv("BAD_INODE"), 0, 10)) {
    if (offset >= bad && offset < bad + 4096) { errno = EIO; return -1; }
    if (offset < bad && offset + (off64_t)length > bad) length = bad - offset;
  }
  return syscall(SYS_pread64, fd, out, length, offset);
}
`

describe('an image on a disk that fails', () => {
  it('is scanned behind the bad page, which is counted and told with both its addresses', () => {
    const built = spawnSync('cc', ['-shared', '-fPIC', '-o', join(folder, 'disk.so'), write('disk.c', failingDisk)])
    expect(built.status).toBe(0)
    const bad = Math.floor(statSync(image).size * 0.95) & ~0xfff
    const facts = `BAD_INODE=${statSync(image).ino} BAD_OFFSET=${bad} LD_PRELOAD=$PWD/disk.so`
    const scan = 'process-scan memory.lime -f json --no-cache'
    const run = shell(`${facts} $salvor ${scan}`)
    // Where a range begins in the page, its header is none of memory.
    const header = readFileSync(image)
      .subarray(bad, bad + 4096)
      .includes('EMiL')
      ? 32
      : 0
    const lost = `${4096 - header} bytes of memory`
    const told = new RegExp(`cannot be read at offset 0x${bad.toString(16)}: .* ${lost}, from physical 0x`)
    expect(run.lines.filter((line) => told.test(line))).toHaveLength(1)
    expect(run.status).toBe(5)
    const rows = (from: Run): number => JSON.parse(from.stdout).rows.length
    expect(rows(run)).toBeGreaterThan(rows(shell(`$salvor ${scan}`)) - 8)
  })
})
