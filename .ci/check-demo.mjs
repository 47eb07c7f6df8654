// Holds what `npm run demo` printed (standard input) against what the sample's own machine said of itself.
import { readFileSync } from 'node:fs'

const truth = (file) =>
  JSON.parse(readFileSync(new URL(`../test/samples/docker-debian12/truth/${file}`, import.meta.url), 'utf8'))

const containers = truth('raw/docker-inspect.json').map(({ Name, Config, State }) => [
  Name.slice(1),
  Config.Image,
  State.Status,
])
// What is outside of containers moved a little until memory was taken.
const inContainers = truth('processes.json').filter(({ cgroup }) => cgroup.some((path) => path.includes('docker-')))
const processes = inContainers.map(({ pid, ppid, comm }) => [`${pid}`, `${ppid}`, comm])
const wanted = [...containers, ...processes, ['1', '0', 'systemd']]

const lines = readFileSync(0, 'utf8').split('\n')
const rows = new Set(lines.map((line) => line.trim().split(/\s+/).slice(0, 3).join(' ')))
const missing = wanted.map((row) => row.join(' ')).filter((row) => !rows.has(row))
for (const row of missing) process.stderr.write(`demo: no row begins with: ${row}\n`)
process.stdout.write(`demo: ${wanted.length - missing.length} of ${wanted.length} containers and processes are there\n`)
process.exitCode = missing.length > 0 ? 1 : 0
