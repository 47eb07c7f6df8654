/** Files that exist to keep credentials: which they are, by their paths, and what each form of them holds. */

import { members, parseObject, text } from '../containers/json.js'
import { findNamed, findSecrets, type Secret } from './find.js'

/** What is read of a file, and so the largest that one can be. */
export const LARGEST = 256 * 1024

/** Every file below is a secret: Kubernetes' volumes of them, and what Docker and podman mount in containers. */
const WHOLE =
  /\/volumes\/kubernetes\.io~secret\/[^/]+\/(?:\.\.[^/]+\/)?([^/]+)$|^\/run\/secrets\/(?!kubernetes\.io\/|eks\.amazonaws\.com\/)([^/]+)$/
const NAMES = new Set(
  (
    'credentials config.json .dockerconfigjson .dockercfg .netrc .npmrc .pypirc .git-credentials .vault-token .env ' +
    'application_default_credentials.json credentials.db access_tokens.db msal_token_cache.json accessTokens.json token ' +
    'kubeconfig kubelet.conf admin.conf super-admin.conf controller-manager.conf scheduler.conf bootstrap-kubelet.conf ' +
    'k3s.yaml rke2.yaml id_rsa id_dsa id_ecdsa id_ed25519 authorization.json auth.json .bash_history .ash_history ' +
    '.zsh_history environ'
  ).split(' '),
)
/** Folders in which a name as plain as `config` says something. */
const FOLDERS = /\/\.(?:aws|kube|docker|azure|config\/gcloud|ssh)\/[^/]+$|^\/etc\/(?:kubernetes|rancher|kubelet)\//
const KEYS = /\.(?:pem|key|kubeconfig|jwt|token)$|\/ssh_host_[a-z0-9]+_key$/
/** What is in memory alone, small, and of no certain name. */
const IN_MEMORY = /^\/(?:dev\/shm|run|tmp|var\/tmp)\//

/** Whether a file may hold credentials; most files of a host do not, and are not read. */
export function mayHoldSecrets(path: string, size: number): boolean {
  if (size <= 0 || size > LARGEST || path.length > 4096) return false
  const name = path.slice(path.lastIndexOf('/') + 1)
  return NAMES.has(name) || KEYS.test(name) || FOLDERS.test(path) || WHOLE.test(path) || IN_MEMORY.test(path)
}

/** Secrets of a file. Bytes that are not in memory are NULs. */
export function secretsOfFile(path: string, content: string): Secret[] {
  const [, volume, mounted] = WHOLE.exec(path) ?? []
  const whole = volume ?? mounted
  if (whole !== undefined) return secretFile(whole, content)
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (/^(?:config\.json|\.dockerconfigjson|\.dockercfg|auth\.json)$/.test(name)) {
    const registries = registryLogins(content, name)
    if (registries.length > 0) return registries
  }
  const lines = /^(?:apiVersion|kind|users|clusters):/m.test(content.slice(0, 4096))
    ? kubeconfig(content)
    : keyValues(name, content)
  const forms = findSecrets(content)
  const known = new Set(lines.map(({ value }) => value))
  return [...lines, ...forms.filter(({ value }) => !known.has(value))]
}

function secretFile(name: string, content: string): Secret[] {
  const value = content.replaceAll('\0', '')
  if (value.trim() === '') return []
  const login = /^\.dockercfg$|^\.dockerconfigjson$/.test(name) ? registryLogins(value, name) : []
  const found = login.length > 0 ? login : findSecrets(value).map((secret) => ({ ...secret, name }))
  return found.length > 0 ? found : [{ kind: 'mounted-secret', name, value, account: null, jwt: null }]
}

/** `auths` of Docker's config.json, or the older .dockercfg that is only that. */
function registryLogins(content: string, name: string): Secret[] {
  const config = parseObject(content.replaceAll('\0', ''), 'registry credentials').value
  if (config === null) return []
  return members(config, ...(name === '.dockercfg' ? [] : ['auths'])).flatMap(([registry, login]) => {
    const auth = text(login, 'auth')
    const token = text(login, 'identitytoken') ?? text(login, 'registrytoken')
    const plain = auth === null ? null : Buffer.from(auth, 'base64').toString()
    const user = text(login, 'username') ?? plain?.split(':', 1)[0] ?? null
    const value = token ?? auth ?? text(login, 'password')
    return value === null ? [] : [{ kind: 'registry-login', name: registry, value, account: user, jwt: null }]
  })
}

/** A kubeconfig's users: as YAML, one member a line, or as JSON. */
function kubeconfig(content: string): Secret[] {
  const found: Secret[] = []
  let user: string | null = null
  for (const line of content.split('\n', 10_000)) {
    const [, name, value] =
      /^\s*(?:- )?([a-z-]{4,32}):\s*["']?([^\s"'\0]{1,65536})["']?\s*$/.exec(line.slice(0, 70_000)) ?? []
    if (name === undefined || value === undefined) continue
    if (name === 'name') user = value
    const kind = name === 'client-key-data' ? 'kube-client-key' : name === 'token' ? 'kube-token' : null
    if (kind !== null || name === 'password')
      found.push({ kind: kind ?? 'kube-password', name, value, account: user, jwt: null })
  }
  return found.map(withKey)
}

/** A key has one fingerprint, as PEM and in base64 around that. */
function withKey(secret: Secret): Secret {
  if (secret.kind !== 'kube-client-key') return { ...secret, jwt: findSecrets(secret.value)[0]?.jwt ?? null }
  const [key] = findSecrets(Buffer.from(secret.value, 'base64').toString())
  return { ...secret, value: key?.value ?? secret.value }
}

/** `name = value` and `name: value`, of AWS's credentials, .npmrc, .env and .netrc. */
function keyValues(file: string, content: string): Secret[] {
  const found: Secret[] = []
  if (!/^(?:credentials|\.npmrc|\.pypirc|\.env|environ|config)$/.test(file)) return logins(file, content)
  for (const line of content.split(/[\n\0]/, 10_000)) {
    const [, name, value] =
      /^\s*(?:export\s+)?([\w./:-]{1,256}?)\s*[=]\s*(\S[^\n]{0,4096})$/.exec(line.slice(0, 4500)) ?? []
    if (name !== undefined && value !== undefined)
      found.push(...findNamed(name, value.trim().replace(/^(["'])(.*)\1$/, '$2')))
  }
  const id = found.find(({ kind }) => kind === 'aws-access-key')?.value ?? null
  return found.map((secret) => (secret.kind === 'aws-secret-key' ? { ...secret, account: id } : secret))
}

/** .netrc and .git-credentials. */
function logins(file: string, content: string): Secret[] {
  if (file === '.git-credentials') {
    return [...content.matchAll(/^https?:\/\/([^:@\s]{1,256}):([^@\s]{1,1024})@([^\s/]{1,256})/gm)]
      .slice(0, 256)
      .map(([, account = '', value = '', name = '']) => ({ kind: 'git-login', name, value, account, jwt: null }))
  }
  if (file !== '.netrc') return []
  const words = content.split(/\s+/, 10_000)
  const after = (index: number, word: string) => {
    const at = words.slice(0, index).lastIndexOf(word)
    return at < 0 ? null : (words[at + 1] ?? null)
  }
  return words.flatMap((word, index) => {
    const value = words[index + 1]
    if (word !== 'password' || value === undefined) return []
    return [{ kind: 'netrc-login', name: after(index, 'machine'), value, account: after(index, 'login'), jwt: null }]
  })
}
