import rule from '../../../dist/plugins/rules/discovery/kubelet-contacted.js'
import { findsContacts } from '../contacts.js'

findsContacts(rule, {
  severity: 'low',
  worse: 'high',
  told: [
    ['10.0.2.15', 10250],
    ['10.0.2.15', 2379],
  ],
  others: [
    ['127.0.0.1', 10250],
    ['10.0.2.15', 10256],
    [null, null],
  ],
})
