import { MILLISECONDS, regionOf } from '../aws.js'
import { template } from '../capture.js'
import { joined, type Part } from '../plan.js'
import type { PlanRequest } from '../request.js'
import { array, exported, line, script, word } from '../shell.js'
import type { Target } from './target.js'

function clusterOf({ cluster }: PlanRequest): string {
  return word(cluster ?? 'default')
}

function protectTasks(request: PlanRequest): Part {
  return {
    files: [
      {
        name: '1-protect-tasks.sh',
        executable: true,
        content: script(
          [
            'Keeps the service from ending the tasks when it scales in or deploys: for two days, which is the most there is.',
          ],
          `${regionOf(request)}aws ecs update-task-protection --cluster ${clusterOf(request)} \\
  --protection-enabled --expires-in-minutes 2880 --tasks ${line(...request.tasks)}
`,
        ),
      },
    ],
    privileges: [
      {
        what: 'ecs:UpdateTaskProtection, of the responder',
        why: 'a service replaces its tasks when it deploys or scales in',
        without: 'stop deployments by other means',
      },
    ],
    steps: [
      {
        what: 'Keep the tasks as they are',
        commands: ['./1-protect-tasks.sh'],
        notes: [
          'Only tasks of a service can be protected; one that was started by itself ends when its process does.',
          'Never stop the task, never drain its container instance: both end the containers. A failing health check ends them too: ' +
            'leave load balancers alone.',
        ],
      },
    ],
  }
}

function fromInside(request: PlanRequest): Part {
  return {
    files: [
      {
        name: '2-inside.sh',
        executable: true,
        content: script(
          [
            'What a shell inside the containers can tell, by ECS Exec, which must have been on when the task was started.',
            'It starts processes in the container, as every such session does. Wants the Session Manager plugin.',
          ],
          `${regionOf(request)}out=\${1:-inside}
mkdir "$out"
# In base64: what lies between here and the container's shell takes quotes and dollars for its own.
probe=$(base64 -w 0 <<'PROBE'
${template('inside.sh')}PROBE
)
${array('tasks', request.tasks)}for task in "\${tasks[@]}"; do
  for container in $(aws ecs describe-tasks --cluster ${clusterOf(request)} --tasks "$task" --output text \\
    --query 'tasks[].containers[].name'); do
    aws ecs execute-command --cluster ${clusterOf(request)} --task "$task" --container "$container" --interactive \\
      --command "sh -c 'echo $probe | base64 -d | sh'" >"$out/\${task##*/}-$container.txt" 2>&1 </dev/null ||
      echo "nothing of $container of $task" >&2
  done
done
(cd "$out" && sha256sum -- *) | tee inside.sha256
`,
        ),
      },
    ],
    privileges: [
      {
        what: 'ecs:ExecuteCommand, of the responder',
        why: 'it is the only way into a container of Fargate',
        without: 'what AWS records is all that is left',
      },
    ],
    steps: [
      {
        what: 'Ask inside, if that was made possible before',
        commands: ['./2-inside.sh'],
        notes: [
          'enableExecuteCommand of a task cannot be switched on while it runs, and a new task is not the one that was attacked.',
          'Where the container has gdb or gcore and the task definition added SYS_PTRACE, memory of single processes can be had: ' +
            'gcore PID, then out by a presigned URL. With pidMode task, a sidecar can do it for all containers of the task.',
        ],
      },
    ],
  }
}

function taskRecords(request: PlanRequest): Part {
  const tasks = line(...request.tasks)
  const groups = request.logGroups.map(
    (group) =>
      `record ${word(`logs-${group}.json`)} aws logs filter-log-events --output json --log-group-name ${word(group)} \\\n  --start-time "$since_milliseconds"\n`,
  )
  return {
    files: [
      {
        name: '3-task-records.sh',
        executable: true,
        content: script(
          [
            'Secures what ECS and AWS know of the tasks: a stopped task is forgotten after an hour.',
            'SALVOR_SINCE (a time) is how far back; two weeks by default.',
          ],
          `${exported({ SALVOR_CASE: request.case, SALVOR_NAME: request.cluster ?? 'default' })}${regionOf(request)}
${template('records.sh')}since=\${SALVOR_SINCE:-$(date -u -d '14 days ago' +%Y-%m-%dT%H:%M:%SZ)}
${groups.length === 0 ? '' : MILLISECONDS}
record tasks.json aws ecs describe-tasks --output json --include TAGS --cluster ${clusterOf(request)} --tasks ${tasks}
for definition in $(aws ecs describe-tasks --cluster ${clusterOf(request)} --tasks ${tasks} --output text \\
  --query 'tasks[].taskDefinitionArn'); do
  record "definition-\${definition##*/}.json" aws ecs describe-task-definition --output json --task-definition "$definition"
done
for interface in $(aws ecs describe-tasks --cluster ${clusterOf(request)} --tasks ${tasks} --output text \\
  --query "tasks[].attachments[].details[?name=='networkInterfaceId'].value[]"); do
  record "$interface.json" aws ec2 describe-network-interfaces --output json --network-interface-ids "$interface"
  record "$interface.flow-logs.json" aws ec2 describe-flow-logs --output json --filter "Name=resource-id,Values=$interface"
done
${array('tasks', request.tasks)}for task in "\${tasks[@]}"; do
  record "cloudtrail-\${task##*/}.json" aws cloudtrail lookup-events --output json --start-time "$since" \\
    --lookup-attributes "AttributeKey=Username,AttributeValue=\${task##*/}"
done
record cluster.json aws ecs describe-clusters --output json --include CONFIGURATIONS --clusters ${clusterOf(request)}
record flow-logs.json aws ec2 describe-flow-logs --output json
record trails.json aws cloudtrail describe-trails --output json
record guardduty.json aws guardduty list-detectors --output json
${groups.join('')}finish
`,
        ),
      },
    ],
    steps: [
      {
        what: 'Secure what is recorded outside',
        commands: ['./3-task-records.sh task-records'],
        notes: [
          'tasks.json has the digest of each image: pull and keep it, for a tag may be moved.',
          'Application logs are in the log group of awslogs, which the definitions name: give it with --log-group. ' +
            'GuardDuty Runtime Monitoring and ECS Exec’s own log, where they were on, have what ran.',
        ],
      },
    ],
  }
}

const takes = ['task', 'cluster', 'region', 'log-group']

export const fargate: Target = {
  name: 'fargate',
  summary: 'tasks of Fargate: no memory of the host is to be had, and the plan says what is',
  takes,
  needs: [['task']],
  plan: (request) =>
    joined(`Fargate: ${request.tasks.join(', ')}`, [
      protectTasks(request),
      fromInside(request),
      taskRecords(request),
      {
        limits: [
          'There is no image of memory. The host of a Fargate task belongs to AWS: no privileged containers, no host processes, no ' +
            'CAP_SYS_ADMIN, no /proc/kcore. AWS gives out no memory of it either.',
          'Its disk is ephemeral, cannot be snapshotted, and is gone when the task ends. EFS and EBS volumes that were attached can be kept.',
          'So the task must go on until it has been asked, and isolation by its security group (no rules out, none in but the ' +
            'endpoints that ECS Exec needs) is better than an end.',
        ],
      },
    ]),
}

export const ecs: Target = {
  name: 'ecs',
  summary: 'tasks of ECS: what can be had of them; their memory is that of the container instance, see ec2',
  takes,
  needs: [['task']],
  plan: (request) =>
    joined(`ECS: ${request.tasks.join(', ')}`, [
      protectTasks(request),
      {
        steps: [
          {
            what: 'Take the memory of the container instance, where the launch type is EC2',
            commands: [
              `${line('aws', 'ecs', 'describe-tasks', '--cluster', request.cluster ?? 'default', '--tasks', ...request.tasks)} --query 'tasks[].[launchType,containerInstanceArn]' --output text`,
              `${line('aws', 'ecs', 'describe-container-instances', '--cluster', request.cluster ?? 'default')} --container-instances ARN --query 'containerInstances[].ec2InstanceId' --output text`,
              `salvor acquire plan ec2 ${line('--case', request.case)} --instance INSTANCE --to s3://BUCKET/PREFIX --avml s3://BUCKET/avml --avml-sha256 HASH -d ec2-plan`,
            ],
            notes: [
              'Do not set the container instance to DRAINING: that ends its tasks.',
              'salvor names the tasks of ECS by their cgroups in the image of the instance. For launch type FARGATE see salvor acquire plan fargate.',
            ],
          },
        ],
      },
      fromInside(request),
      taskRecords(request),
    ]),
}
