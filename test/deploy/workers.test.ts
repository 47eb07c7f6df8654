/** What starts workers elsewhere, held against the command line, Kubernetes, KEDA and systemd. */

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { redisAddress } from '../../dist/src/batch/redis/address.js'
import { DEFAULT_QUEUE } from '../../dist/src/batch/redis/queued.js'
import type { Command } from '../../dist/src/cli/command.js'
import { batchCommand } from '../../dist/src/cli/commands/batch.js'
import { workerCommand } from '../../dist/src/cli/commands/worker.js'
import { repository } from '../cli/run.js'

const deploy = (path: string): string => readFileSync(join(repository, 'deploy', path), 'utf8')
const schema = (name: string) =>
  JSON.parse(readFileSync(join(repository, 'test/fixtures/schemas', `${name}.json`), 'utf8'))
const ajv = new Ajv({ strict: false, validateFormats: false })

interface Container {
  readonly image: string
  readonly args: readonly string[]
  readonly env: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: unknown }[]
  readonly resources: { readonly limits: { readonly memory: string } }
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[]
}
interface PodSpec {
  readonly containers: readonly [Container]
  readonly volumes: readonly { readonly name: string }[]
  readonly terminationGracePeriodSeconds: number
}
interface KubernetesObject {
  readonly kind: string
  readonly metadata: { readonly name: string }
  // biome-ignore lint/suspicious/noExplicitAny: each kind has its own
  readonly spec: any
}

const files = readdirSync(join(repository, 'deploy/kubernetes')).sort()
const objects = files.flatMap((file) =>
  parseAllDocuments(deploy(`kubernetes/${file}`), { version: '1.1' }).map((document) => {
    expect(document.errors).toEqual([])
    return document.toJS() as KubernetesObject
  }),
)
const one = (kind: string): KubernetesObject => {
  const found = objects.find((object) => object.kind === kind)
  if (found === undefined) throw new Error(`no ${kind}`)
  return found
}
const podOf = ({ spec }: KubernetesObject): PodSpec => spec.template.spec

/** Each option is one of the command's, with a value where it takes one. Answers them. */
function optionsOf(command: Command, args: readonly string[]): ReadonlyMap<string, string | undefined> {
  const found = new Map<string, string | undefined>()
  for (let index = 0; index < args.length; index++) {
    const [name, joined] = (args[index] ?? '').split('=', 2)
    if (!name?.startsWith('--')) continue
    const option = command.options.find((candidate) => `--${candidate.name}` === name)
    expect(option, `${command.name} ${name}`).toBeDefined()
    found.set(name, option?.value === undefined ? undefined : (joined ?? args[++index]))
    if (option?.value !== undefined) expect(found.get(name), name).toMatch(/^[^-]/)
    if (option?.value === 'N') expect(found.get(name), name).toMatch(/^\d+$/)
  }
  return found
}

describe('the objects for Kubernetes', () => {
  test('are as Kubernetes and KEDA publish them, with no field that they do not know', () => {
    expect(objects.map(({ kind }) => kind)).toEqual([
      'Job',
      'TriggerAuthentication',
      'ScaledObject',
      'ServiceAccount',
      'Deployment',
    ])
    const { kinds, definitions } = schema('kubernetes')
    const keda = schema('keda')
    for (const object of objects) {
      const valid = ajv.compile(keda.kinds[object.kind] ?? { $ref: kinds[object.kind], definitions })
      expect(valid(object), `${object.kind}: ${JSON.stringify(valid.errors)}`).toBe(true)
    }
    const mistyped = structuredClone(one('ScaledObject'))
    mistyped.spec.maxReplicas = 3
    expect(ajv.compile(keda.kinds.ScaledObject)(mistyped)).toBe(false)
  })

  test('start commands with options that there are, and hand over what these read', () => {
    const worker = podOf(one('Deployment')).containers[0]
    const batch = podOf(one('Job')).containers[0]
    expect([worker.args[0], batch.args[0]]).toEqual([workerCommand.name, batchCommand.name])
    const options = optionsOf(workerCommand, worker.args)
    const coordinating = optionsOf(batchCommand, batch.args)
    for (const needed of ['--case', '--results', '--queue']) expect([...coordinating.keys()]).toContain(needed)
    for (const { env, image } of [worker, batch]) {
      const given = Object.fromEntries(env.map(({ name, value }) => [name, value ?? 'secret']))
      // Without the file of the CA, which is in the cluster.
      const { REDIS_CA_FILE, ...rest } = given
      expect(REDIS_CA_FILE).toMatch(/^\/etc\/salvor\//)
      const { name, options: asked } = redisAddress('env', rest)
      expect(name).toMatch(/^rediss:/)
      expect([asked.username, asked.password]).toEqual(['secret', 'secret'])
      for (const { name: variable, valueFrom } of env)
        expect(valueFrom !== undefined, variable).toBe(/USERNAME|PASSWORD/.test(variable))
      expect(image).toMatch(/@sha256:[0-9a-f]{64}$/)
    }
    // An image's process ends before its pod is, and a pod later than its worker.
    expect(Number(options.get('--image-memory'))).toBeLessThan(
      Number.parseInt(worker.resources.limits.memory, 10) * 1024,
    )
    expect(Number(options.get('--grace'))).toBeLessThan(podOf(one('Deployment')).terminationGracePeriodSeconds - 30)
  })

  test('mount what they name, images alike in both', () => {
    const pods = [one('Deployment'), one('Job')].map(podOf)
    const mounts = pods.map(({ containers: [{ volumeMounts }], volumes }) => {
      expect(volumeMounts.map(({ name }) => name).sort()).toEqual(volumes.map(({ name }) => name).sort())
      return Object.fromEntries(volumeMounts.map(({ name, mountPath }) => [name, mountPath]))
    })
    expect(mounts[0]?.images).toBe(mounts[1]?.images)
    expect(mounts[0]?.results).toBe(mounts[1]?.results)
  })

  test('scale by the lists that the queue has, with parameters that the scaler reads', () => {
    const { spec } = one('ScaledObject')
    expect(spec.scaleTargetRef.name).toBe(one('Deployment').metadata.name)
    const parameters = schema('keda').redis as Record<string, { metadata: boolean; authentication: boolean }>
    for (const { type, metadata, authenticationRef } of spec.triggers) {
      expect(type).toBe('redis')
      for (const name of Object.keys(metadata)) expect(parameters[name]?.metadata, name).toBe(true)
      expect(authenticationRef.name).toBe(one('TriggerAuthentication').metadata.name)
    }
    for (const { parameter } of one('TriggerAuthentication').spec.secretTargetRef)
      expect(parameters[parameter]?.authentication, parameter).toBe(true)
    // test/batch/queue.test.ts looks at these lists in a real Redis.
    expect(spec.triggers.map(({ metadata }: { metadata: { listName: string } }) => metadata.listName)).toEqual([
      `bull:${DEFAULT_QUEUE}:wait`,
      `bull:${DEFAULT_QUEUE}:active`,
    ])
    const names = spec.triggers.map(({ name }: { name: string }) => name)
    expect(spec.advanced.scalingModifiers.formula.split(' + ')).toEqual(names)
  })
})

describe('the unit for systemd', () => {
  const unit = deploy('worker/salvor-worker.service')
  const value = (key: string): string => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1] ?? ''

  test('starts a worker with options that there are, and waits for it longer than it takes', () => {
    const [program, ...args] = value('ExecStart').split(' ').slice(1)
    expect([program, args[0]]).toEqual(['salvor', workerCommand.name])
    const options = optionsOf(workerCommand, args)
    expect(Number(options.get('--grace'))).toBeLessThan(Number(value('TimeoutStopSec')) - 30)
    expect(value('KillMode')).toBe('mixed')
  })

  test('holds no secret, and says where they are', () => {
    expect(value('EnvironmentFile')).not.toBe('')
    expect(unit).not.toMatch(/^[^#]*REDIS_/m)
  })

  test('is taken by systemd', ({ skip }) => {
    const path = join(repository, 'deploy/worker/salvor-worker.service')
    const { error, status, stderr } = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' })
    skip(error !== undefined, 'systemd-analyze is not installed')
    expect([status, stderr]).toEqual([0, ''])
  })
})

describe('the recipe of the image', () => {
  const recipe = deploy('worker/Containerfile')

  test('builds by commands that the package has, and starts one that salvor has', () => {
    const { scripts, bin } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'))
    for (const [, script] of recipe.matchAll(/npm run (\S+)/g)) expect(Object.keys(scripts)).toContain(script)
    const word = (instruction: string): string[] =>
      JSON.parse(new RegExp(`^${instruction} (\\[.*\\])$`, 'm').exec(recipe)?.[1] ?? '[]')
    expect(Object.keys(bin)).toContain(word('ENTRYPOINT')[0])
    expect(word('CMD')).toEqual([workerCommand.name])
    expect(existsSync(join(repository, 'package-lock.json'))).toBe(true)
  })

  test('runs as nobody, and names its bases from outside', () => {
    expect(recipe).toMatch(/^USER (\d+):\1$/m)
    for (const [, base] of recipe.matchAll(/^FROM (\S+)/gm)) expect(base).toMatch(/^\$\{(BUILD|BASE)\}$/)
    expect(podOf(one('Deployment'))).toMatchObject({ securityContext: { runAsUser: 65532, runAsNonRoot: true } })
  })
})
