import rule from '../../../dist/plugins/rules/persistence/login-script-changed.js'
import { findsChanged } from '../changed-files.js'

findsChanged(
  rule,
  ['/etc/profile.d/x.sh', '/root/.bashrc', '/home/u/.zshrc'],
  ['/root/.bash_history', '/etc/profile.bak', null],
)
