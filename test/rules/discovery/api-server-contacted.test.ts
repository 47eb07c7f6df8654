import rule from '../../../dist/plugins/rules/discovery/api-server-contacted.js'
import { findsContacts } from '../contacts.js'

findsContacts(
  rule,
  {
    severity: 'info',
    worse: 'medium',
    told: [
      ['10.96.0.1', 443],
      ['10.0.2.2', 6443],
    ],
    others: [
      ['10.96.0.1', 80],
      ['203.0.113.9', 443],
      [null, null],
    ],
  },
  { environment: [{ name: 'KUBERNETES_SERVICE_HOST', value: '10.96.0.1' }] },
)
