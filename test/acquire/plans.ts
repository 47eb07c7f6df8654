/** Plans as tests make them, and the tools that judge them. */

import { spawnSync } from 'node:child_process'
import type { PlanFile } from '../../dist/src/acquire/plan.js'
import { type Given, readRequest } from '../../dist/src/acquire/request.js'
import { targets } from '../../dist/src/acquire/targets/index.js'
import { planFiles } from '../../dist/src/acquire/write.js'

export const digest = '0'.repeat(64)

/** Options with which each target is fully used. */
export const full: Readonly<Record<string, Given>> = {
  kubernetes: {
    case: ['IR-7'],
    node: ['node-1', 'node-2'],
    pod: ['shop/web-1', 'shop/db-0/postgres'],
    image: [`registry.example/acquire@sha256:${digest}`],
    to: ['claim:evidence'],
    'no-compress': [''],
  },
  eks: {
    case: ['IR-7'],
    node: ['ip-10-0-1-7.eu-west-1.compute.internal'],
    pod: ['shop/web-1'],
    image: [`registry.example/acquire@sha256:${digest}`],
    to: ['s3://evidence/IR-7'],
    role: ['arn:aws:iam::123456789012:role/acquire'],
    region: ['eu-west-1'],
    cluster: ['prod'],
    volume: ['vol-0123456789abcdef0'],
    'log-group': ['/aws/containerinsights/prod/application'],
    'flow-logs': ['flow'],
    'avml-sha256': [digest],
  },
  host: { case: ['IR-7'], name: ['db 1'], to: ['presigned'], 'avml-sha256': [digest] },
  ec2: {
    case: ['IR-7'],
    instance: ['i-0123456789abcdef0'],
    to: ['s3://evidence'],
    avml: ['s3://tools/avml'],
    'avml-sha256': [digest],
    region: ['eu-west-1'],
  },
  ecs: { case: ['IR-7'], task: ['a'.repeat(32), 'b'.repeat(32)], cluster: ['shop'], 'log-group': ['/ecs/shop'] },
  fargate: { case: ['IR-7'], task: ['a'.repeat(32)] },
}

export function planned(target: string, given: Given = full[target] ?? {}): PlanFile[] {
  const found = targets.find(({ name }) => name === target)
  if (found === undefined) throw new Error(`there is no target ${target}`)
  const request = readRequest(given)
  return planFiles(found.plan(request), request, target)
}

export function contentOf(files: readonly PlanFile[], name: string): string {
  const found = files.find((file) => file.name === name)
  if (found === undefined) throw new Error(`the plan has no ${name}`)
  return found.content
}

/** What a program says of a text on its standard input; null where it is not installed. */
export function judged(
  program: string,
  args: readonly string[],
  input: string,
): { code: number | null; said: string } | null {
  const { error, status, stdout, stderr } = spawnSync(program, args, { input, encoding: 'utf8' })
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return null
  return { code: status, said: `${stdout}${stderr}` }
}
