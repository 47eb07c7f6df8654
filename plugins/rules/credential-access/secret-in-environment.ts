import { defineRule, need, quote } from 'salvor'
import { parseJwt, serviceAccountOf } from 'salvor/containers'
import environment from '../../processes/environment.js'

/** Keys by which whoever has them is a cloud account or a user of a code host. */
const KEY =
  /^(?:AKIA|ASIA)[A-Z0-9]{16}$|^ya29\.[\w-]{20}|^gh[opsu]_[A-Za-z0-9]{20}|^github_pat_\w{20}|^glpat-[\w-]{20}|^xox[abprs]-\w|^-----BEGIN [A-Z ]{0,20}PRIVATE KEY/
const NAMED_KEY =
  /^(?:AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN|AZURE_CLIENT_SECRET|DIGITALOCEAN_ACCESS_TOKEN|CLOUDFLARE_API_TOKEN)$/
const NAMED = /(?:^|_)(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_KEY|CREDENTIALS?)$/i
/** What says where a secret is, and has none itself. */
const NO_SECRET = /^\/|^$/

function isAccountToken(value: string): boolean {
  const token = parseJwt(value)
  return token !== null && serviceAccountOf(token) !== null
}

export default defineRule({
  name: 'secret-in-environment',
  title: 'A secret is in the environment of processes',
  means:
    'Every program that is started there can read it, and so can who runs code in the container. That alone is no sign ' +
    'that somebody did.',
  next: [
    'Where the container was taken over, replace the secret',
    'Read its value in environment, which this does not show',
  ],
  tactic: 'credential-access',
  attack: ['T1552.001', 'T1552.007'],
  severity: 'info',
  confidence: 'medium',
  reads: { environment: need(environment) },
  *find({ environment }) {
    const told = new Set<string>()
    for (const variable of environment.rows) {
      const [name, value] = [variable.name ?? '', variable.value ?? '']
      // Tokens of service accounts have a rule of their own: foreign-token.
      if (NO_SECRET.test(value) || isAccountToken(value)) continue
      const isKey = KEY.test(value) || NAMED_KEY.test(name)
      const place = `${variable.container ?? variable.pid} ${name}`
      if ((!isKey && !NAMED.test(name)) || told.has(place)) continue
      told.add(place)
      yield {
        about: variable,
        severity: isKey ? 'low' : 'info',
        summary: `${quote(name)} is ${isKey ? 'a key of a cloud or code host' : 'set'}`,
        evidence: [variable],
      }
    }
  },
})
