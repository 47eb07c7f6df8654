// node scripts/acquire-dry-run.mjs [FOLDER…]: what a real API server says of a plan's objects, as a dry run.
//
// Without folders: of the plans for Kubernetes and EKS with everything in them. Wants kube-apiserver and etcd on the path, or
// in the folder that KUBE_BIN names (`go build k8s.io/kubernetes/cmd/kube-apiserver`; etcd-server of Debian will do).
// Servers, keys and data are made for the run, on this machine's loopback, and are gone after it.
import { execFileSync, spawn } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parse, stringify } from 'yaml'
import { findProgram, freePort } from './servers/start.mjs'

const READY_SECONDS = 240

/** A program's path, or null. */
export function program(name) {
  return findProgram([name], process.env.KUBE_BIN) ?? null
}

/** Where objects of a kind are created; those of a namespace below it. */
const places = {
  Namespace: ['/api/v1', 'namespaces', false],
  ServiceAccount: ['/api/v1', 'serviceaccounts', true],
  ConfigMap: ['/api/v1', 'configmaps', true],
  Pod: ['/api/v1', 'pods', true],
  Job: ['/apis/batch/v1', 'jobs', true],
  DaemonSet: ['/apis/apps/v1', 'daemonsets', true],
  Deployment: ['/apis/apps/v1', 'deployments', true],
  ClusterRole: ['/apis/rbac.authorization.k8s.io/v1', 'clusterroles', false],
  ClusterRoleBinding: ['/apis/rbac.authorization.k8s.io/v1', 'clusterrolebindings', false],
  CustomResourceDefinition: ['/apis/apiextensions.k8s.io/v1', 'customresourcedefinitions', false],
  // Of KEDA, where its definitions are in the same folder.
  ScaledObject: ['/apis/keda.sh/v1alpha1', 'scaledobjects', true],
  TriggerAuthentication: ['/apis/keda.sh/v1alpha1', 'triggerauthentications', true],
}

/** An API server with its store. `post` answers status and body. */
export async function startCluster() {
  const [apiserver, etcd] = [program('kube-apiserver'), program('etcd')]
  if (apiserver === null || etcd === null) throw new Error('kube-apiserver and etcd are not installed: see KUBE_BIN')
  const folder = mkdtempSync(join(tmpdir(), 'salvor-cluster-'))
  const at = (name) => join(folder, name)
  const children = []
  const start = (command, args) => {
    const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said = `${said}${text}`.slice(-4000)
    })
    children.push(child)
    return { child, said: () => said }
  }
  const stop = async () => {
    const ended = children.map((child) => new Promise((resolve) => child.once('close', resolve)))
    for (const child of children.reverse()) child.kill('SIGKILL')
    await Promise.all(ended)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    const [store, peer, port] = [await freePort(), await freePort(), await freePort()]
    const token = randomBytes(24).toString('hex')
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    writeFileSync(at('sa.key'), privateKey.export({ type: 'pkcs1', format: 'pem' }), { mode: 0o600 })
    writeFileSync(at('sa.pub'), publicKey.export({ type: 'spki', format: 'pem' }))
    writeFileSync(at('tokens.csv'), `${token},responder,responder,system:masters\n`, { mode: 0o600 })
    const loopback = (number) => `http://127.0.0.1:${number}`
    start(etcd, [
      ...[
        '--data-dir',
        at('etcd'),
        '--listen-client-urls',
        loopback(store),
        '--advertise-client-urls',
        loopback(store),
      ],
      ...['--listen-peer-urls', loopback(peer), '--initial-advertise-peer-urls', loopback(peer)],
      ...['--initial-cluster', `default=${loopback(peer)}`],
    ])
    const server = start(apiserver, [
      ...['--etcd-servers', loopback(store), '--bind-address', '127.0.0.1', '--secure-port', String(port)],
      ...['--cert-dir', at('certificates'), '--token-auth-file', at('tokens.csv'), '--authorization-mode', 'RBAC'],
      ...['--service-account-issuer', 'https://kubernetes.default.svc', '--service-account-key-file', at('sa.pub')],
      ...['--service-account-signing-key-file', at('sa.key'), '--service-cluster-ip-range', '10.0.0.0/24'],
      // As clusters have it; what may be privileged is for admission to say.
      '--allow-privileged=true',
    ])
    const ask = (method, path, body) =>
      new Promise((resolve, reject) => {
        const headers = {
          Authorization: `Bearer ${token}`,
          'Content-Type': 'application/yaml',
          Accept: 'application/json',
        }
        const to = { host: '127.0.0.1', port, path, method, headers, rejectUnauthorized: false }
        const asked = request(to, (answer) => {
          let text = ''
          answer.setEncoding('utf8').on('data', (piece) => {
            text += piece
          })
          answer.on('end', () => resolve({ status: answer.statusCode, warnings: answer.headers.warning ?? '', text }))
        })
        asked.on('error', reject).end(body)
      })
    for (let second = 0; ; second++) {
      const ready = await ask('GET', '/readyz').catch(() => null)
      if (ready?.status === 200) break
      if (second >= READY_SECONDS || server.child.exitCode !== null) throw new Error(`no API server: ${server.said()}`)
      await sleep(1000)
    }
    const post = async (document, { dryRun = true } = {}) => {
      const { kind, metadata } = parse(document, { version: '1.1' })
      const [group, resource, within] = places[kind] ?? []
      if (group === undefined) throw new Error(`no place is known for a ${kind}`)
      const query = `fieldValidation=Strict${dryRun ? '&dryRun=All' : ''}`
      const path = `${group}${within ? `/namespaces/${metadata.namespace}` : ''}/${resource}?${query}`
      const { status, text, warnings } = await ask('POST', path, document)
      return {
        kind,
        name: metadata.name,
        status,
        warnings,
        message: status < 300 ? '' : messageOf(text),
      }
    }
    return { post, stop, version: execFileSync(apiserver, ['--version'], { encoding: 'utf8' }).trim() }
  } catch (error) {
    await stop()
    throw error
  }
}

/** What a Status says; what is no JSON, of a kind that is not served, as it is. */
function messageOf(text) {
  try {
    return JSON.parse(text).message ?? text
  } catch {
    return text.trim()
  }
}

/** The documents of a plan's YAML files, by file. */
export function documentsIn(folder) {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .flatMap((name) =>
      readFileSync(join(folder, name), 'utf8')
        .split(/^---\n/m)
        .map((text) => ({ file: name, text })),
    )
}

/** The pod that a Job, DaemonSet or Deployment would make: admission judges pods, and not what makes them. */
function podOf(text) {
  const { kind, metadata, spec } = parse(text, { version: '1.1' })
  if (!['Job', 'DaemonSet', 'Deployment'].includes(kind)) return null
  const { namespace, name } = metadata
  return stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, spec: spec.template.spec })
}

/** A kind that was defined just now is served a little later. */
async function posted(cluster, text, options) {
  const SECONDS = 30
  for (let second = 0; ; second++) {
    const answer = await cluster.post(text, options)
    const isServed = answer.status !== 404 || !answer.message.includes('page not found')
    if (isServed || second === SECONDS) return answer
    await sleep(1000)
  }
}

/** Asks for every object of a plan, and for the pods they would make. */
export async function dryRun(cluster, folder, tell) {
  // Others need these to be there, in this cluster that is gone soon, and in this order.
  const first = ['Namespace', 'CustomResourceDefinition', 'ServiceAccount']
  const kindOf = ({ text }) => parse(text, { version: '1.1' }).kind
  const isReal = (document) => first.includes(kindOf(document))
  const all = documentsIn(folder)
  const made = first.flatMap((kind) => all.filter((document) => kindOf(document) === kind))
  const documents = [...made, ...all.filter((document) => !isReal(document))]
  let refused = 0
  for (const { file, text } of documents) {
    const real = isReal({ text })
    const pod = podOf(text)
    for (const one of [text, ...(pod === null ? [] : [pod])]) {
      const answer = await posted(cluster, one, { dryRun: !real })
      if (answer.status >= 300) refused++
      tell(`${answer.status} ${answer.kind} ${answer.name} (${file})${answer.message && `: ${answer.message}`}`)
      if (answer.warnings !== '') tell(`    warning: ${answer.warnings}`)
    }
  }
  return { asked: documents.length, refused }
}

/** Plans with every kind of object, into a folder. */
async function plansIn(folder) {
  const { main } = await import('../dist/src/cli/main.js')
  const common = [
    '--case',
    'IR-7',
    '--image',
    `registry.example/acquire@sha256:${'0'.repeat(64)}`,
    '--pod',
    'shop/web-1/web',
  ]
  const role = ['--role', 'arn:aws:iam::123456789012:role/acquire', '--cluster', 'prod', '--region', 'eu-west-1']
  const plans = [
    ['eks', '--node', 'ip-10-0-1-7.eu-west-1.compute.internal', '--to', 's3://evidence/IR-7', ...role],
    ['kubernetes', '--node', 'node-1', '--node', 'node-2', '--to', 'claim:evidence', '--namespace', 'many'],
    ['kubernetes', '--node', 'node-1', '--to', 'presigned', '--namespace', 'one'],
    ['kubernetes', '--node', 'node-1', '--to', '/mnt/evidence', '--namespace', 'folder'],
  ]
  const silent = { write: () => true, isTTY: false }
  const world = {
    stdout: silent,
    stderr: process.stderr,
    env: process.env,
    directory: process.cwd(),
    signal: new AbortController().signal,
    onAbort: () => {},
  }
  const folders = []
  for (const [index, args] of plans.entries()) {
    const to = join(folder, String(index))
    const code = await main(['acquire', 'plan', ...args, ...common, '-d', to], world)
    if (code !== 0) throw new Error(`acquire plan ${args[0]} ended with ${code}`)
    folders.push(to)
  }
  return folders
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const made = mkdtempSync(join(tmpdir(), 'salvor-plans-'))
  const folders = process.argv.length > 2 ? process.argv.slice(2) : await plansIn(made)
  const cluster = await startCluster()
  // A reader that went away is no reason to leave servers behind.
  process.stdout.on('error', () => {})
  const tell = (line) => process.stdout.write(`${line}\n`)
  try {
    tell(`kube-apiserver: ${cluster.version}`)
    let refused = 0
    for (const folder of folders) refused += (await dryRun(cluster, folder, tell)).refused
    // That it is strict, and that admission is there, is part of what was shown.
    const bad = (spec, namespace) =>
      stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x', namespace }, spec: { containers: [spec] } })
    const control = {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'control', labels: { 'pod-security.kubernetes.io/enforce': 'baseline' } },
    }
    await cluster.post(stringify(control), { dryRun: false })
    await cluster.post(
      stringify({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace: 'control' } }),
      { dryRun: false },
    )
    const unknown = await cluster.post(bad({ name: 'x', image: 'x', privilegd: true }, 'control'))
    const elsewhere = await cluster.post(
      bad({ name: 'x', image: 'x', securityContext: { privileged: true } }, 'control'),
    )
    tell(`${unknown.status} for a field that is not known: ${unknown.message}`)
    tell(`${elsewhere.status} for a privileged pod in a namespace that does not allow it: ${elsewhere.message}`)
    if (refused > 0 || unknown.status !== 400 || elsewhere.status !== 403) process.exitCode = 1
  } finally {
    await cluster.stop()
    rmSync(made, { recursive: true, force: true })
  }
}
