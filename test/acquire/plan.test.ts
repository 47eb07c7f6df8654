import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { readRequest } from '../../dist/src/acquire/request.js'
import { targets } from '../../dist/src/acquire/targets/index.js'
import { contentOf, digest, full, judged, planned } from './plans.js'

const names = targets.map(({ name }) => name)
const schema = (name: string) =>
  JSON.parse(readFileSync(fileURLToPath(new URL(`../fixtures/schemas/${name}.json`, import.meta.url)), 'utf8'))
const shellcheck = judged('shellcheck', ['--version'], '') !== null

function objectsOf(text: string): Record<string, never>[] {
  // As clusters read it.
  return parseAllDocuments(text, { version: '1.1' }).map((document) => {
    expect(document.errors).toEqual([])
    return document.toJS()
  })
}

describe.each(names)('the plan for %s', (name) => {
  const files = planned(name)
  const scripts = files.filter((file) => file.name.endsWith('.sh'))

  test('has scripts that a shell takes, strict ones', () => {
    expect(scripts.length).toBeGreaterThan(0)
    for (const { content, executable } of scripts) {
      expect(executable).toBe(true)
      expect(content.startsWith('#!/bin/bash\n')).toBe(true)
      expect(content).toContain('\nset -euo pipefail\n')
      expect(judged('bash', ['-n'], content)).toEqual({ code: 0, said: '' })
    }
  })

  test('has scripts that shellcheck has nothing to say about', ({ skip }) => {
    skip(!shellcheck, 'shellcheck is not installed')
    for (const { name: file, content } of scripts) {
      const verdict = judged('shellcheck', ['--shell', 'bash', '-'], content)
      expect(verdict?.said, file).toBe('')
      expect(verdict?.code, file).toBe(0)
    }
  })

  test('has a checklist that names each file, each right with its reason, and each limit', () => {
    const readme = contentOf(files, 'README.md')
    const found = targets.find((target) => target.name === name)
    const plan = found?.plan(readRequest(full[name] ?? {}))
    for (const { name: file } of plan?.files ?? []) expect(readme).toContain(file)
    const flat = readme.replace(/\s+/g, ' ').replaceAll('\\', '')
    for (const { what, why, without } of plan?.privileges ?? []) {
      for (const part of [what, why, without]) expect(flat).toContain(part)
    }
    expect(plan?.privileges.length).toBeGreaterThan(0)
    expect(plan?.limits.length).toBeGreaterThan(name === 'ecs' ? -1 : 0)
    expect(readme).toContain('salvor acquire verify')
  })

  test('says in plan.json what was asked for and what each file hashes to', () => {
    const record = JSON.parse(contentOf(files, 'plan.json'))
    expect(record.target).toBe(name)
    expect(record.request.case).toBe('IR-7')
    for (const { name: file, sha256 } of record.files) {
      expect(createHash('sha256').update(contentOf(files, file)).digest('hex')).toBe(sha256)
    }
    expect(record.files).toHaveLength(files.length - 1)
  })

  test('never drains, deletes a node, evicts, ends or scales in', () => {
    for (const { name: file, content } of files.filter(({ name: one }) => one !== 'README.md')) {
      expect(content, file).not.toMatch(
        /kubectl (?:drain|delete (?:node|pod)|scale|rollout)|terminate-instances|stop-instances|reboot-instances|stop-task|status DRAINING|:NoExecute/,
      )
    }
  })
})

describe.each(['kubernetes', 'eks'])('the objects of %s', (name) => {
  const objects = planned(name)
    .filter((file) => file.name.endsWith('.yaml'))
    .flatMap(({ content }) => objectsOf(content)) as unknown as {
    kind: string
    metadata: { name: string; namespace?: string }
    spec: unknown
    [key: string]: unknown
  }[]
  const { kinds, definitions } = schema('kubernetes')
  const ajv = new Ajv({ strict: false, validateFormats: false })

  test('are as the published OpenAPI of Kubernetes has them, with no field that it does not know', () => {
    expect(objects.length).toBeGreaterThanOrEqual(8)
    for (const object of objects) {
      expect(Object.keys(kinds)).toContain(object.kind)
      const valid = ajv.compile({ $ref: kinds[object.kind], definitions })
      expect(valid(object), `${object.kind}: ${JSON.stringify(valid.errors)}`).toBe(true)
    }
  })

  test('are refused by it where a field is mistyped', () => {
    const job = structuredClone(objects.find(({ kind }) => kind === 'Job')) as unknown as {
      spec: { template: { spec: Record<string, unknown> } }
    }
    job.spec.template.spec.hostPid = true
    expect(ajv.compile({ $ref: kinds.Job, definitions })(job)).toBe(false)
  })

  test('run a pinned image with the rights that are explained, past the scheduler, once', () => {
    const text = contentOf(planned(name), '2-capture.yaml')
    const [workload] = objects.filter(({ kind }) => ['Job', 'DaemonSet'].includes(kind))
    const { spec } = (workload as unknown as { spec: { template: { spec: Record<string, unknown> } } }).spec.template
    const [container] = spec.containers as { image: string; securityContext: unknown; env: { name: string }[] }[]
    expect(workload?.kind).toBe(name === 'eks' ? 'Job' : 'DaemonSet')
    expect(container?.image).toBe(`registry.example/acquire@sha256:${digest}`)
    expect(container?.securityContext).toEqual({ privileged: true, runAsUser: 0, readOnlyRootFilesystem: true })
    expect(spec.hostPID).toBe(true)
    expect(spec.automountServiceAccountToken).toBe(false)
    expect(spec.tolerations).toEqual([{ operator: 'Exists' }])
    for (const field of ['privileged', 'hostPID', 'tolerations', 'readOnlyRootFilesystem']) {
      expect(text).toMatch(new RegExp(`\n *# .+\n *${field}:`))
    }
    if (name === 'eks') expect(spec.nodeName).toBe('ip-10-0-1-7.eu-west-1.compute.internal')
    else expect(container?.env.map((one) => one.name)).toContain('SALVOR_STAY')
  })

  test('ask for rights over kubelets of the named nodes only', () => {
    const role = objects.find(({ kind }) => kind === 'ClusterRole') as unknown as { rules: unknown[] }
    expect(role.rules).toEqual([
      {
        apiGroups: [''],
        resources: ['nodes/proxy', 'nodes/checkpoint'],
        resourceNames: full[name]?.node,
        verbs: ['create'],
      },
    ])
  })

  test('hold the script that is run, word for word', () => {
    const [map] = objects.filter(({ kind }) => kind === 'ConfigMap') as unknown as { data: Record<string, string> }[]
    const template = readFileSync(
      fileURLToPath(new URL('../../src/acquire/templates/capture.sh', import.meta.url)),
      'utf8',
    )
    expect(map?.data['capture.sh']).toBe(template)
  })
})

describe('the document for Systems Manager', () => {
  const document = JSON.parse(contentOf(planned('ec2'), '2-ssm-document.json'))

  test('is of schema 2.2', () => {
    const valid = new Ajv({ strict: false }).compile(schema('ssm-command-2.2'))
    expect(valid(document), JSON.stringify(valid.errors)).toBe(true)
    expect(JSON.stringify(document).length).toBeLessThan(64 << 10)
  })

  test('has nothing that the service would take for a parameter', () => {
    expect(JSON.stringify(document)).not.toContain('{{')
    const [step] = document.mainSteps
    expect(judged('bash', ['-n'], `${step.inputs.runCommand.join('\n')}\n`)).toEqual({ code: 0, said: '' })
  })

  test('runs the script that stands beside it', () => {
    const [step] = document.mainSteps
    const script = contentOf(planned('ec2'), 'capture.sh')
    const body = script.slice(script.indexOf('say() {'))
    expect(step.inputs.runCommand.join('\n')).toContain(body.trimEnd())
  })
})

test('an EC2 node is protected from its group, itself and the end of its disks, and snapshotted whole', () => {
  const files = planned('ec2')
  const protect = contentOf(files, '1-protect-instance.sh')
  for (const word of [
    '--disable-api-termination',
    '--disable-api-stop',
    '--protected-from-scale-in',
    'ReplaceUnhealthy',
    'shutdown-behavior stop',
    'DeleteOnTermination',
  ]) {
    expect(protect).toContain(word)
  }
  expect(contentOf(files, '4-snapshots.sh')).toContain('ExcludeBootVolume=false')
})

test('a plan for Fargate says that there is no memory to be had', () => {
  expect(contentOf(planned('fargate'), 'README.md')).toContain('There is no image of memory.')
})

test('an image without a digest is refused, and said why', () => {
  const given = { ...full.kubernetes, image: ['registry.example/acquire:latest'] }
  expect(() => planned('kubernetes', given)).toThrow(/is not pinned/)
})
