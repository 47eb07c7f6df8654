/** What intruders type into shells, and what it is for. */

import type { Severity } from '../api/rule.js'

/** Longer commands are looked at so far. */
const MOST = 4096

const SIGNS: readonly (readonly [RegExp, string])[] = [
  [/\/etc\/g?shadow\b/, 'reads password hashes'],
  [/\b(?:curl|wget)\b[^|;&]*\bhttps?:\/\/\d+\.\d+\.\d+\.\d+/, 'fetches from a bare address'],
  [/\b(?:curl|wget)\b[^;&]*\|\s*(?:sudo\s+)?(?:ba|da|z)?sh\b/, 'runs what it fetches'],
  [/\bbase64\s+(?:-d|-D|--decode)\b/, 'decodes hidden text'],
  [/\/dev\/(?:tcp|udp)\//, 'connects by the shell itself'],
  [/\bnsenter\b.*(?:-t\s*1|--target[= ]1)\b/, 'enters the namespaces of the host'],
  [/serviceaccount\/token\b|kubernetes\.io~projected/, 'reads tokens of service accounts'],
  [/\/etc\/kubernetes\/(?:admin|kubelet|super-admin)\.conf|\/var\/lib\/kubelet\/pki/, 'reads credentials of the node'],
  [/169\.254\.169\.254|metadata\.google\.internal/, 'asks the cloud for credentials'],
  [/\bmemfd_create\b/, 'makes a program that is no file'],
  [/\bHISTFILE=|\bunset\s+HISTFILE\b|\bhistory\s+-c\b|\bset\s+\+o\s+history\b/, 'hides what was typed'],
  [/\bchattr\s+\+i\b/, 'makes files unchangeable'],
  [/ld\.so\.preload|\bLD_PRELOAD=/, 'loads code into all programs'],
  [/\brelease_agent\b|\bcore_pattern\b/, 'lets the kernel run a program on the host'],
  [/\b(?:docker|containerd|crio)\.sock\b/, 'speaks with the container engine'],
  [/\bAWS_(?:SECRET_ACCESS_KEY|SESSION_TOKEN)\b/, 'handles keys of a cloud account'],
  [/\benv\b.*\bgrep\b.*(?:pass|secret|key|token)/i, 'looks for secrets in the environment'],
  [/\/proc\/1\/(?:cgroup|root|environ)\b/, 'looks at the first process from inside'],
  [/\bxmrig\b|\bstratum\+/, 'runs a miner'],
  [/^\s*\/(?:tmp|var\/tmp|dev\/shm)\/\S/, 'runs a program from a folder for temporary files'],
]

/** Signs that need no second. */
const GRAVE = new Set([
  'enters the namespaces of the host',
  'lets the kernel run a program on the host',
  'makes a program that is no file',
  'runs a miner',
])
/** From so many on it is no chance. */
const MANY = 3

/** How bad it is that these were typed: one alone has honest uses, several hardly. */
export function severityOfTyped(signs: readonly string[], container: string | null): Severity {
  if (signs.length >= MANY || signs.some((sign) => GRAVE.has(sign))) return 'high'
  if (signs.length > 0) return 'medium'
  return container === null ? 'info' : 'low'
}

/** What a command is for, as far as that tells an intruder. */
export function signsOfTyped(command: string | null): string[] {
  const text = (command ?? '').slice(0, MOST)
  return SIGNS.filter(([pattern]) => pattern.test(text)).map(([, sign]) => sign)
}
