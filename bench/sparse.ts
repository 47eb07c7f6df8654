/** What a batch takes of memory for an image that is far larger than it: every table of a sparse one of 64 GiB. */

import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { measure, SALVOR } from './measure.js'

const GIB = 2 ** 30
const IMAGE_BYTES = 64 * GIB
const MOST_MIB = 1024
const KIB_PER_MIB = 1024
const POLL_MILLISECONDS = 50

/** Makes one of an image, measures it and tells of it; in MiB. */
export async function measureSparse(original: string, folder: string): Promise<Record<string, number>> {
  const image = join(folder, 'sparse.raw')
  const made = measure([...SALVOR, 'convert', original, image, '-q'])
  if (made.code !== 0) throw new Error(`${original} could not be converted: ${made.code}`)
  truncateSync(image, IMAGE_BYTES)
  const how = ['--case', join(folder, 'sparse-case'), '--profile', 'full', '--workers', '1', '-q']
  const [program = '', ...args] = [...SALVOR, 'batch', image, ...how]
  const child = spawn(program, args, { stdio: 'ignore' })
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  const most = await watched(child.pid ?? 0, ended)
  const code = await ended
  if (![0, 5].includes(code ?? -1)) throw new Error(`the batch of a sparse image ended with ${code}`)
  console.log(`a sparse image of ${IMAGE_BYTES / GIB} GiB, every table by a batch of one worker`)
  console.log(`${String(most.resident).padStart(8)}  MiB of all its processes at most (at most ${MOST_MIB})`)
  console.log(`${String(most.own).padStart(8)}  MiB of them their own and no file's`)
  return most
}

/** The most that a process and its children had resident at one time, in MiB. */
async function watched(pid: number, ended: Promise<unknown>): Promise<{ resident: number; own: number }> {
  const most = { resident: 0, own: 0 }
  let over = false
  void ended.then(() => {
    over = true
  })
  while (!over) {
    const now = memoryOf(pid)
    most.resident = Math.max(most.resident, now.resident)
    most.own = Math.max(most.own, now.own)
    await setTimeout(POLL_MILLISECONDS)
  }
  return most
}

/** Of a process and all below it (proc_pid_status(5)); nothing of one that has ended. */
function memoryOf(pid: number): { resident: number; own: number } {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const mib = (name: string): number =>
      Math.round(Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0) / KIB_PER_MIB)
    const children = readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
    )
    return children
      .map(memoryOf)
      .reduce((sum, { resident, own }) => ({ resident: sum.resident + resident, own: sum.own + own }), {
        resident: mib('VmRSS'),
        own: mib('RssAnon'),
      })
  } catch {
    return { resident: 0, own: 0 }
  }
}
