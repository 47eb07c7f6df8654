import rule from '../../../dist/plugins/rules/persistence/authorized-keys-changed.js'
import { findsChanged } from '../changed-files.js'

findsChanged(
  rule,
  ['/root/.ssh/authorized_keys', '/home/u/.ssh/authorized_keys2', '/var/lib/x/.ssh/authorized_keys'],
  ['/root/.ssh/known_hosts', '/root/.ssh/authorized_keys.bak', null],
)
