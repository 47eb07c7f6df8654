/** What calls salvor from elsewhere, held against the contracts of those that call. */

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { Registry } from '../../dist/src/engine/registry.js'
import { sampleImage } from '../../dist/src/sample.js'
import { verifier } from '../../scripts/velociraptor.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const deploy = (path: string): string => readFileSync(join(root, 'deploy', path), 'utf8')
const salvor = join(root, 'bin', 'salvor.cjs')
/** A Python that has the packages, such as that of a virtual environment. */
const python = process.env.SALVOR_PYTHON ?? 'python3'
const has = (module: string): boolean => spawnSync(python, ['-c', `import ${module}`]).status === 0

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'salvor-deploy-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function contract(what: string, image = sampleImage()): string {
  const to = mkdtempSync(join(folder, what))
  const script = join(root, 'test', 'deploy', 'contract.py')
  const { status, stdout, stderr } = spawnSync(python, [script, what, to, image, salvor], { encoding: 'utf8' })
  expect(status, stderr).toBe(0)
  return stdout
}

test('the OpenRelik worker answers as its library has it', { timeout: 120_000 }, ({ skip }) => {
  skip(
    !has('openrelik_worker_common') || !has('celery'),
    'openrelik-worker-common and celery are not installed (SALVOR_PYTHON)',
  )
  const { result, refused, next, empty, form } = JSON.parse(contract('openrelik'))
  expect(result.workflow_id).toBe('w-1')
  expect(result.output_files.map((file: { display_name: string }) => file.display_name)).toEqual([
    'memory.lime.info.jsonl',
    'memory.lime.processes.jsonl',
  ])
  expect(result.output_files[1]).toMatchObject({
    data_type: 'salvor:memory:processes',
    source_file_id: 7,
    extension: '.jsonl',
  })
  const [first] = readFileSync(result.output_files[1].path, 'utf8').split('\n')
  expect(JSON.parse(first ?? '')).toMatchObject({ data_type: 'salvor:processes', pid: 1 })
  expect([next, empty]).toEqual([2, []])
  // What the form of openrelik-ui has a component for (src/components/TaskConfigForm.vue).
  const kinds = ['text', 'textarea', 'checkbox', 'radio', 'switch', 'select', 'autocomplete', 'artifacts']
  for (const { type } of form.task_config) expect(kinds).toContain(type)
  expect(refused).toHaveLength(3)
  expect(refused[2]).toMatch(/^info: exit code 3/)
})

test('the Cortex analyzer reports as its library has it', { timeout: 120_000 }, ({ skip }) => {
  skip(!has('cortexutils'), 'cortexutils is not installed (SALVOR_PYTHON)')
  const report = JSON.parse(contract('cortex'))
  expect(report).toMatchObject({ success: true, artifacts: [], operations: [] })
  expect(report.full.findings.length).toBeGreaterThan(3)
  expect(report.summary.taxonomies.length).toBeGreaterThan(0)
  for (const taxonomy of report.summary.taxonomies) {
    expect(['info', 'safe', 'suspicious', 'malicious']).toContain(taxonomy.level)
    expect(Object.keys(taxonomy).sort()).toEqual(['level', 'namespace', 'predicate', 'value'])
  }
})

test('the Cortex analyzer says what is wrong with a job', { timeout: 60_000 }, ({ skip }) => {
  skip(!has('cortexutils'), 'cortexutils is not installed (SALVOR_PYTHON)')
  expect(JSON.parse(contract('cortex', 'none'))).toMatchObject({
    success: false,
    errorMessage: 'the job has no such file',
  })
})

test('the definition of the Cortex analyzer has what Cortex reads of it', () => {
  const definition = JSON.parse(deploy('cortex/Salvor/Salvor_Findings.json'))
  for (const field of [
    'name',
    'version',
    'author',
    'url',
    'license',
    'description',
    'dataTypeList',
    'command',
    'baseConfig',
  ]) {
    expect(definition[field], field).toBeTruthy()
  }
  expect(deploy(`cortex/${definition.command}`)).toMatch(/^#!/)
  for (const item of definition.configurationItems) {
    expect(Object.keys(item).sort()).toEqual(['defaultValue', 'description', 'multi', 'name', 'required', 'type'])
    expect(['string', 'number', 'boolean']).toContain(item.type)
  }
})

describe('the Velociraptor artifact', () => {
  const text = deploy('velociraptor/Custom.Linux.Memory.Salvor.yaml')
  const artifact = parse(text)

  test('has fields that Velociraptor documents, and uses its own parameters', () => {
    const known = [
      'name',
      'description',
      'author',
      'type',
      'required_permissions',
      'parameters',
      'precondition',
      'sources',
    ]
    for (const field of Object.keys(artifact)) expect(known).toContain(field)
    expect(artifact.type).toBe('CLIENT')
    const [{ query }] = artifact.sources
    for (const { name } of artifact.parameters) expect(query).toContain(name)
    const table = artifact.parameters.find(({ name }: { name: string }) => name === 'Table')
    const pattern = new RegExp(table.validating_regex)
    for (const { name } of Registry.builtin().list()) expect(name).toMatch(pattern)
    expect('--plugin').not.toMatch(pattern)
  })

  test('is taken by the verifier of Velociraptor', ({ skip }) => {
    skip(!existsSync(verifier), 'it is not built: node scripts/velociraptor.mjs CHECKOUT')
    const verified = (name: string, definition: string) => {
      const file = join(folder, name)
      writeFileSync(file, definition)
      const { status, stdout } = spawnSync(verifier, [file], { encoding: 'utf8' })
      return [status, stdout]
    }
    expect(verified('artifact.yaml', text)).toEqual([0, expect.not.stringMatching(/error|warning/)])
    // It would say so of one that Velociraptor does not take.
    const unknown = text.replace('execve(argv=', 'execve(words=')
    expect(verified('unknown.yaml', unknown)).toEqual([1, expect.stringContaining('Invalid arg words')])
    const mistyped = text.replace('type: CLIENT', 'kind: CLIENT')
    expect(verified('mistyped.yaml', mistyped)).toEqual([1, expect.stringContaining('field kind not found')])
  })
})

describe('the GitHub action', () => {
  const action = parse(deploy('github-action/action.yml'))
  const [step] = action.runs.steps

  test('has the metadata that GitHub documents', () => {
    const schema = JSON.parse(readFileSync(join(root, 'test/fixtures/schemas/github-action.json'), 'utf8'))
    const valid = new Ajv({ strict: false, validateFormats: false }).compile(schema)
    expect(valid(action), JSON.stringify(valid.errors)).toBe(true)
    expect(valid({ ...action, runs: { ...action.runs, main: 'x.js' } })).toBe(false)
  })

  test('is a composite one whose script holds nothing of its inputs', () => {
    expect(action.runs.using).toBe('composite')
    for (const one of action.runs.steps) {
      expect(one.shell).toBe('bash')
      expect(one.run).not.toContain('\x24{{')
    }
    for (const { value } of Object.values<{ value: string }>(action.outputs))
      expect(value).toMatch(/steps\.findings\.outputs\.\w+/)
  })

  test('writes SARIF, and says whether it is whole', { timeout: 120_000 }, () => {
    const said = join(folder, 'github-output')
    writeFileSync(said, '')
    const env = {
      ...process.env,
      IMAGE: sampleImage(),
      OUTPUT: join(folder, "it's.sarif"),
      SALVOR: salvor,
      GITHUB_OUTPUT: said,
    }
    const { status, stderr } = spawnSync('bash', ['-e', '-c', step.run], { encoding: 'utf8', env })
    expect(status, stderr).toBe(0)
    expect(readFileSync(said, 'utf8')).toMatch(/^sarif=.*it's\.sarif\npartial=(?:true|false)\n$/)
    expect(JSON.parse(readFileSync(env.OUTPUT, 'utf8')).runs[0].results.length).toBeGreaterThan(3)
    const gone = spawnSync('bash', ['-e', '-c', step.run], { env: { ...env, IMAGE: '/nothing' } })
    expect(gone.status).toBe(3)
  })
})
