import rule from '../../../dist/plugins/rules/persistence/udev-rule-changed.js'
import { findsChanged } from '../changed-files.js'

findsChanged(rule, ['/etc/udev/rules.d/99-x.rules'], ['/etc/udev/udev.conf', '/run/udev/rules.d/x.rules', null])
