import { ec2 } from './ec2.js'
import { ecs, fargate } from './ecs.js'
import { eks } from './eks.js'
import { host } from './host.js'
import { kubernetes } from './kubernetes.js'
import type { Target } from './target.js'

export const targets: readonly Target[] = [kubernetes, eks, host, ec2, ecs, fargate]
