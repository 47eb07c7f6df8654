import rule from '../../../dist/plugins/rules/persistence/authentication-changed.js'
import { findsChanged } from '../changed-files.js'

findsChanged(
  rule,
  ['/etc/pam.d/sshd', '/etc/sudoers.d/x', '/usr/lib/x86_64-linux-gnu/security/pam_unix.so', '/lib64/security/pam_x.so'],
  ['/etc/passwd', '/usr/lib/security/x', null],
)
