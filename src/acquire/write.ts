/** Puts a plan into a folder. */

import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { sha256Of } from '../file-hash.js'
import { makeFolder } from '../make-folder.js'
import { FileSink } from '../output/sink.js'
import { checkName, checkTargetFolder, type Guard, outputFailure } from '../output/target.js'
import { checklist } from './checklist.js'
import type { Plan, PlanFile } from './plan.js'
import type { PlanRequest } from './request.js'

/** The files of a plan and its checklist; and what was asked for, with the hash of each of them. */
export function planFiles(plan: Plan, request: PlanRequest, target: string): PlanFile[] {
  const files = [{ name: 'README.md', content: checklist(plan, request) }, ...plan.files]
  const hashes = files.map(({ name, content }) => ({
    name,
    sha256: sha256Of(content),
  }))
  const record = { schema: 'salvor-acquisition-plan-1', target, request, files: hashes }
  return [...files, { name: 'plan.json', content: `${JSON.stringify(record, null, 2)}\n` }]
}

/** Writes all files or none where one of them is in the way; answers their paths. */
export async function writePlan(files: readonly PlanFile[], folder: string, guard: Guard): Promise<string[]> {
  checkTargetFolder(folder, guard, '--output-dir', 'a plan needs a directory')
  const paths = files.map(({ name }) => join(folder, name))
  for (const path of paths) checkName(path, guard)
  try {
    makeFolder(folder)
  } catch (error) {
    throw outputFailure(folder, error)
  }
  for (const [index, { content, executable }] of files.entries()) {
    const path = paths[index] ?? ''
    const sink = new FileSink(path, guard)
    await sink.write(content)
    await sink.commit()
    if (executable) chmodSync(path, 0o755 & ~process.umask())
  }
  return paths
}
