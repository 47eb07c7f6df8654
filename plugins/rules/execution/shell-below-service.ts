import { ancestorsOf, defineRule, isShell, need, programName, quote } from 'salvor'
import processes from '../../processes/processes.js'

/** Servers that start no shell by themselves. */
const NEVER =
  /^(?:nginx|apache2?|httpd|lighttpd|caddy|envoy|haproxy|traefik|redis-(?:server|check-rdb|check-aof)|valkey-server|memcached|mysqld|mariadbd|mongod|clickhouse-server|etcd|coredns|grafana(?:-server)?|prometheus)$/
/** Servers that do so for honest reasons too: archiving, plugins, mail. */
const SOMETIMES = /^(?:postgres|php-fpm[\d.]*|java|beam\.smp|uwsgi|gunicorn|oracle|sqlservr|w3wp|tomcat)$/

/** Apache keeps its logs and Galera copies its data by a shell. */
const HONEST = /\b(?:rotatelogs|cronolog|wsrep_sst_)/

export default defineRule({
  name: 'shell-below-service',
  title: 'A web server or database has started a shell',
  means: 'Servers answer requests and need no shell: who makes one start it runs commands through a hole in it.',
  next: [
    'See what the shell started in process-tree, and its connections in sockets',
    'Look for the request in the log of the server, and for files that it wrote',
  ],
  tactic: 'execution',
  attack: ['T1059.004', 'T1505.003'],
  kubernetes: ['MS-TA9009'],
  severity: 'high',
  confidence: 'medium',
  reads: { processes: need(processes) },
  *find({ processes }) {
    for (const shell of processes.rows) {
      if (!isShell(shell)) continue
      const server = ancestorsOf(processes, shell)[0]
      if (server === undefined || server.container !== shell.container) continue
      const program = programName(server)
      if (!NEVER.test(program) && !SOMETIMES.test(program)) continue
      const sure = NEVER.test(program) && !HONEST.test((shell.args ?? []).slice(0, 16).join(' ').slice(0, 4096))
      yield {
        about: shell,
        severity: sure ? 'high' : 'low',
        confidence: sure ? 'high' : 'low',
        summary: `${quote(shell.args)} was started by ${quote(server.args)}`,
        evidence: [shell, server],
      }
    }
  },
})
