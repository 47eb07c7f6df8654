import rule from '../../../dist/plugins/rules/credential-access/metadata-service-contacted.js'
import { findsContacts } from '../contacts.js'

findsContacts(rule, {
  severity: 'low',
  worse: 'high',
  told: [
    ['169.254.169.254', 80],
    ['100.100.100.200', 80],
  ],
  others: [
    ['169.254.1.1', 80],
    ['10.0.0.1', 80],
    [null, null],
  ],
})
