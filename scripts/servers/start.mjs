// What servers for tests have in common.
import { accessSync, constants } from 'node:fs'
import { createServer, Socket } from 'node:net'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const READY_MILLISECONDS = 20_000

/** The path of a program in one of some folders, or on the path; undefined where there is none. */
export function findProgram(names, folder = '') {
  const folders = [folder, ...(process.env.PATH ?? '').split(delimiter)].filter((one) => one !== '')
  return folders.flatMap((one) => names.map((name) => join(one, name))).find(isProgram)
}

export function isProgram(path) {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** A port of this machine's loopback that nobody listens at. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = new Socket()
    const end = (result) => {
      socket.destroy()
      resolve(result)
    }
    socket.on('connect', () => end(true)).on('error', () => end(false))
    socket.connect(port, '127.0.0.1')
  })
}

/** Waits until a child listens at its port. Throws with what it said where it does not. */
export async function ready(child, port, said = () => '') {
  for (const until = Date.now() + READY_MILLISECONDS; !(await answers(port)); await sleep(20)) {
    if (Date.now() > until || child.exitCode !== null) throw new Error(`${child.spawnfile} does not answer: ${said()}`)
  }
}

/** Ends a child as a failure would. */
export async function killed(child) {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('close', resolve))
  child.kill('SIGKILL')
  await ended
}
