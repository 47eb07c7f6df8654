/** What runs inside a Piscina worker. Native calls block here, and only here. */
import { receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { Backend } from '../kernel/backend.js'
import { require } from '../require.js'
import type { Warning } from '../warning.js'
import { analyze } from './analyze.js'
import { toFailure } from './errors.js'
import { optimizeLater } from './optimizer.js'
import type { Answer, Results, Task, WorkerData } from './tasks.js'

const told = workerData as WorkerData | null

async function loadBackend(): Promise<Backend> {
  const other = told?.backend
  const module = other === undefined ? await import('../kernel/backend.js') : (require(other) as { backend: Backend })
  return module.backend
}

/** What a plugin prints is for its user; standard output is the tables'. */
console.log = console.info = console.debug = console.error

let loading: Promise<Backend> | undefined

function backendOnce(): Promise<Backend> {
  loading ??= loadBackend()
  return loading
}

// From the thread's start on, while the main thread has nothing for it yet. What fails is told by the first task.
if (told?.kernel !== false) backendOnce().catch(() => {})

async function perform(task: Task, warnings: Warning[]): Promise<Results[Task['kind']]> {
  // A file needs no backend.
  if (task.kind === 'analyze') return analyze(task, backendOnce, warnings, told?.own ? optimizeLater : () => {})
  const backend = await backendOnce()
  switch (task.kind) {
    case 'open':
      return backend.open(task.path, task.options, (done, total) => {
        task.port.postMessage([done, total])
        // No event is heard while the core works.
        return receiveMessageOnPort(task.port) === undefined
      })
    case 'chunks':
      return backend.chunks(task.image, task.bytes)
    case 'scan':
      return {
        found: backend.scan(task.image, task.requests, task.chunks, task.threads),
        lost: backend.lost(task.image),
      }
    case 'write-touched':
      return { pages: backend.writeTouched(task.image, task.output), lost: backend.lost(task.image) }
    case 'convert': {
      const { path, options, port } = task
      return backend.convert(path, options, task, (...told) => {
        port.postMessage(told)
        return receiveMessageOnPort(port) === undefined
      })
    }
    case 'close':
      backend.close(task.image)
      return null
  }
}

/** Never throws: an error that crosses threads by itself loses its code. */
export default async function run(task: Task): Promise<Answer<Results[Task['kind']]>> {
  const warnings: Warning[] = []
  try {
    return { ok: true, value: await perform(task, warnings) }
  } catch (error) {
    return { ok: false, failure: toFailure(error), warnings }
  }
}
