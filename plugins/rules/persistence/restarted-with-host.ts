import { declaredMounts, defineRule, givesNodeAway, isRuntimeSocket, need, quote } from 'salvor'
import containerSettings from '../../containers/container-settings.js'
import containers from '../../containers/containers.js'

/** Policies by which an engine starts a container after each boot, whatever ended it. */
const AGAIN = new Set(['always', 'unless-stopped'])
/** Labels that what makes containers by a file or for a cluster leaves on them. */
const MADE_BY =
  /^(?:com\.docker\.(?:compose|swarm|stack)\.|io\.(?:podman\.compose|kubernetes|x-k8s|rancher)\.|PODMAN_SYSTEMD_UNIT$)/

export default defineRule({
  name: 'restarted-with-host',
  title: 'A container made by hand has the host in it, and its engine starts it again at each boot',
  means:
    'It outlives a reboot without a unit, a job or a file of its own on the host, and what is in it can change the host each ' +
    'time. Monitors and tools of administrators are run so as well.',
  next: [
    'Ask who made it: shell-history has the command where it was typed here',
    'See in container-settings its command and image, and what else findings say of it',
  ],
  tactic: 'persistence',
  attack: ['T1543.005', 'T1611'],
  kubernetes: ['MS-TA9013'],
  severity: 'medium',
  confidence: 'low',
  reads: { settings: need(containerSettings), containers: need(containers) },
  *find({ settings, containers }, known) {
    for (const setting of settings.rows) {
      if (setting.container === null || !AGAIN.has(setting.restart_policy ?? '')) continue
      if (Object.keys((setting.labels ?? {}) as object).some((label) => MADE_BY.test(label))) continue
      const [container] = containers.where('id', setting.container)
      if (container === undefined || known.byDesign(container.id) !== null) continue
      const given = (declaredMounts(container.mounts) ?? []).filter(
        ({ source, options }) => isRuntimeSocket(source) || (givesNodeAway(source) && !options.includes('ro')),
      )
      if (given.length === 0) continue
      const whole = given.some(({ source }) => source === '/')
      yield {
        about: { container: container.id, pid: container.init_pid },
        severity: whole ? 'medium' : 'low',
        summary: `It is started again by its policy ${quote(setting.restart_policy)}, and has ${quote(given.map(({ source }) => source))} of the host`,
        evidence: [setting, container],
      }
    }
  },
})
