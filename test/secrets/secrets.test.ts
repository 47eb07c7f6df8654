import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { mayHoldSecrets, secretsOfFile } from '../../src/secrets/files.js'
import { findNamed, findSecrets } from '../../src/secrets/find.js'
import { type SecretPlace, secretRow } from '../../src/secrets/rows.js'

const base64 = (value: string | object) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
const token = (claims: object) => `${base64({ alg: 'RS256' })}.${base64(claims)}.${'s'.repeat(43)}`
const key = (label: string) => `-----BEGIN ${label}-----\nMIIE\nAAAA\n-----END ${label}-----`
const id = `AKIA${'Q7'.repeat(8)}`
const secret = 'x/Y+'.repeat(10)

describe('secrets with a form of their own', () => {
  it.each([
    ['aws-access-key', `[default]\naws_access_key_id = ${id}\n`, id],
    ['google-access-token', `Bearer ya29.${'a_-'.repeat(20)} `, `ya29.${'a_-'.repeat(20)}`],
    ['google-api-key', `key=AIza${'b'.repeat(35)}&x`, `AIza${'b'.repeat(35)}`],
    ['azure-storage-key', `AccountName=a;AccountKey=${'k'.repeat(86)}==;End`, `${'k'.repeat(86)}==`],
    ['github-token', `https://ghp_${'c'.repeat(36)}@github.com`, `ghp_${'c'.repeat(36)}`],
    ['gitlab-token', `glpat-${'d'.repeat(20)}`, `glpat-${'d'.repeat(20)}`],
    ['slack-token', `"xoxb-${'1'.repeat(12)}-e"`, `xoxb-${'1'.repeat(12)}-e`],
    ['npm-token', `_authToken=npm_${'f'.repeat(36)}`, `npm_${'f'.repeat(36)}`],
    ['jwt', `curl -H "Authorization: Bearer ${token({ sub: 'me' })}" x`, token({ sub: 'me' })],
    ['private-key', `x\n${key('OPENSSH PRIVATE KEY')}\n`, key('OPENSSH PRIVATE KEY')],
    ['private-key', JSON.stringify({ private_key: key('PRIVATE KEY') }), key('PRIVATE KEY')],
  ])('are found: %s', (kind, text, value) => {
    expect(findSecrets(text)).toMatchObject([{ kind, value }])
  })

  it.each([
    `XAKIA${'Q'.repeat(16)}`,
    `AKIA${'Q'.repeat(17)}`,
    `ya29.short`,
    key('PUBLIC KEY'),
    key('CERTIFICATE'),
    '-----BEGIN PRIVATE KEY-----\nno end',
    'eyJ.eyJ.x',
    `${base64('eyJ')}.eyJhIjoxfQ.x`,
    `${base64({ alg: 'none' })}.eyJub3QganNvbg.x`,
  ])('are not: %s', (text) => {
    expect(findSecrets(text)).toEqual([])
  })

  it('are bounded, and no text is an exception', () => {
    expect(findSecrets(`${id} `.repeat(5000))).toHaveLength(1024)
    expect(findSecrets('eyJ'.repeat(300_000))).toEqual([])
    expect(findSecrets('-----BEGIN PRIVATE KEY-----'.repeat(20_000))).toEqual([])
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('config.json', 'config', '.netrc', '.env'),
        (text, name) => {
          findNamed(text, text)
          secretsOfFile(`/root/.kube/${name}`, text)
          secretsOfFile('/x/volumes/kubernetes.io~secret/a/b', text)
          mayHoldSecrets(text, text.length)
        },
      ),
    )
  })
})

test('what has no form is a secret by its name', () => {
  for (const name of [
    'DB_PASSWORD',
    'password',
    'API_KEY',
    'spring.datasource.password',
    'GITHUB_TOKEN',
    'MYSQL_PWD',
  ]) {
    expect(findNamed(name, 'hunter2'), name).toMatchObject([{ kind: 'named', name, value: 'hunter2' }])
  }
  for (const name of ['PWD', 'OLDPWD', 'PASSWORD_FILE', 'MONKEY', 'GPG_KEY', 'TOKENS_PER_MINUTE', 'compass']) {
    expect(findNamed(name, 'hunter2'), name).toEqual([])
  }
  expect(findNamed('DB_PASSWORD', ' ')).toEqual([])
  expect(findNamed('AWS_SECRET_ACCESS_KEY', secret)).toMatchObject([{ kind: 'aws-secret-key' }])
  expect(findNamed('KEY_ID', id)).toMatchObject([{ kind: 'aws-access-key', name: 'KEY_ID' }])
})

describe('files', () => {
  const found = (path: string, content: string) =>
    secretsOfFile(path, content).map(({ kind, name, account, value }) => [kind, name, account, value])

  it('of AWS give both halves of a key', () => {
    const content = `[default]\naws_access_key_id = ${id}\naws_secret_access_key=${secret}\n`
    expect(found('/root/.aws/credentials', content)).toEqual([
      ['aws-access-key', 'aws_access_key_id', id, id],
      ['aws-secret-key', 'aws_secret_access_key', id, secret],
    ])
  })

  it('of registries give their logins', () => {
    const auth = Buffer.from('bob:hunter2').toString('base64')
    const login = [['registry-login', 'r.example', 'bob', auth]]
    expect(found('/root/.docker/config.json', JSON.stringify({ auths: { 'r.example': { auth } } }))).toEqual(login)
    expect(found('/x/.dockercfg', JSON.stringify({ 'r.example': { auth } }))).toEqual(login)
    expect(found('/app/config.json', JSON.stringify({ 'r.example': { auth } }))).toEqual([])
  })

  it('of Kubernetes give keys and tokens of their users', () => {
    const pem = key('RSA PRIVATE KEY')
    const jwt = token({ sub: 'system:x' })
    const content = `apiVersion: v1\nusers:\n- name: admin\n  user:\n    client-key-data: ${Buffer.from(pem).toString('base64')}\n- name: robot\n  user:\n    token: ${jwt}\n`
    expect(found('/root/.kube/config', content)).toEqual([
      ['kube-client-key', 'client-key-data', 'admin', pem],
      ['kube-token', 'token', 'robot', jwt],
    ])
  })

  it('of logins and of volumes', () => {
    expect(found('/root/.netrc', 'machine h.example login bob password hunter2\n')).toEqual([
      ['netrc-login', 'h.example', 'bob', 'hunter2'],
    ])
    expect(found('/root/.git-credentials', 'https://bob:hunter2@git.example\n')).toEqual([
      ['git-login', 'git.example', 'bob', 'hunter2'],
    ])
    const volume = '/var/lib/kubelet/pods/u/volumes/kubernetes.io~secret/db/..2026_1/password'
    expect(found(volume, 'hunter2\n')).toEqual([['mounted-secret', 'password', null, 'hunter2\n']])
    expect(found(volume, key('PRIVATE KEY'))).toMatchObject([['private-key', 'password', null, key('PRIVATE KEY')]])
    expect(found(volume, '\0\0')).toEqual([])
  })

  it('of other names are not read', () => {
    for (const path of [
      '/root/.aws/credentials',
      '/home/b/.ssh/id_rsa',
      '/dev/shm/x',
      '/etc/kubernetes/admin.conf',
      '/a/k.pem',
    ]) {
      expect(mayHoldSecrets(path, 10), path).toBe(true)
      expect(mayHoldSecrets(path, 1 << 30), path).toBe(false)
    }
    for (const path of ['/usr/bin/ls', '/etc/passwd', '/']) expect(mayHoldSecrets(path, 10), path).toBe(false)
  })
})

describe('rows', () => {
  const place: SecretPlace = {
    ...{ where: 'environment', path: null, address: 1n, pid: 7, comm: 'x', container: 'c', container_name: 'n' },
    ...{ pod: 'shop/web', pod_uid: 'u1' },
  }
  const of = (uid: string | undefined, at: Partial<SecretPlace> = {}) => {
    const claims = { exp: 1795475000, 'kubernetes.io': { namespace: 'shop', pod: { name: 'web', uid } } }
    const [found] = findSecrets(token(claims))
    if (found === undefined) throw new Error('no token')
    return secretRow(found, { ...place, ...at }, '2026-11-23T23:00:00.000000Z', false)
  }

  it('tell a pod’s own token from another’s, by uid where that is known', () => {
    expect(of('u1')).toMatchObject({
      kind: 'service-account-token',
      foreign: false,
      expired: false,
      owner_pod: 'shop/web',
    })
    expect(of('u2').foreign).toBe(true)
    expect(of(undefined).foreign).toBe(false)
    expect(of(undefined, { pod: 'shop/other' }).foreign).toBe(true)
    expect(of('u1', { pod: null, pod_uid: null, container: null }).foreign).toBe(true)
  })

  it('mask, and give the same fingerprint for the same value', () => {
    const [one] = findNamed('DB_PASSWORD', 'hunter2')
    const [other] = findNamed('PASSWORD', 'hunter2')
    if (one === undefined || other === undefined) throw new Error('no secret')
    const row = secretRow(one, place, null, false)
    expect(row).toMatchObject({ value: '7 bytes, masked', length: 7, foreign: null, expired: null, owner_pod: null })
    expect(JSON.stringify({ ...row, address: 0 })).not.toContain('hunter2')
    expect(secretRow(other, place, null, true)).toMatchObject({ value: 'hunter2', fingerprint: row.fingerprint })
  })
})
