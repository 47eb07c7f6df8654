"""An OpenRelik task over the salvor command line: tables of memory images, one file for each table of each image.

Started as OpenRelik starts its workers: celery --app=src.app worker -Q openrelik-worker-salvor
"""

import os
import re
import subprocess

from openrelik_worker_common.file_utils import create_output_file
from openrelik_worker_common.task_utils import create_task_result, get_input_files

from .app import celery

TASK_NAME = "openrelik-worker-salvor.tasks.analyze"
DEFAULT_TABLES = "findings,timeline,containers,processes,sockets"
# How the command line names a format, and what its files end in.
FORMATS = {"ndjson": "jsonl", "timesketch": "jsonl", "ecs": "jsonl", "csv": "csv", "json": "json"}

TASK_METADATA = {
    "display_name": "salvor: memory of Linux hosts with containers",
    "description": "What ran in which container, and what looks like an intrusion, from a memory image",
    "task_config": [
        {
            "name": "tables",
            "label": "Tables",
            "description": f"Names of analyzers, separated by commas (default: {DEFAULT_TABLES})",
            "type": "text",
            "required": False,
        },
        {
            "name": "format",
            "label": "Format",
            "description": "Format of the files (default: ndjson; timesketch for a timeline)",
            "type": "select",
            "items": list(FORMATS),
            "required": False,
        },
    ],
}

# A result that is not whole is one all the same: see the exit codes of salvor.
COMPLETE, PARTIAL, CAPPED = 0, 5, 6


def chosen(task_config):
    """Tables and format as they were asked for; what is no name of any is refused, for it becomes an argument."""
    config = task_config or {}
    tables = [name.strip() for name in (config.get("tables") or DEFAULT_TABLES).split(",") if name.strip()]
    bad = [name for name in tables if not re.fullmatch(r"[a-z][a-z0-9-]*", name)]
    if bad:
        raise ValueError(f"no names of tables: {bad}")
    name = config.get("format") or "ndjson"
    if name not in FORMATS:
        raise ValueError(f"the format is one of {', '.join(FORMATS)}, not {name!r}")
    return tables, name


@celery.task(bind=True, name=TASK_NAME, metadata=TASK_METADATA)
def command(self, pipe_result=None, input_files=None, output_path=None, workflow_id=None, task_config=None):
    """Runs salvor on each input and answers OpenRelik's base64 of the result."""
    tables, form = chosen(task_config)
    salvor = os.getenv("SALVOR") or "salvor"
    outputs, logs, problems = [], [], []
    given_files = get_input_files(pipe_result, input_files or [])
    for given in given_files:
        for table in tables:
            output = create_output_file(
                output_path,
                display_name=f"{given.get('display_name')}.{table}",
                extension=FORMATS[form],
                data_type=f"salvor:memory:{table}",
                source_file_id=given.get("id"),
            )
            arguments = [salvor, table, given.get("path"), "--format", form, "--output", output.path, "--quiet"]
            ended = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            if ended.returncode in (COMPLETE, PARTIAL, CAPPED) and os.path.exists(output.path):
                outputs.append(output.to_dict())
            else:
                problems.append(f"{table}: exit code {ended.returncode}: {ended.stderr.strip()[:500]}")
            if ended.stderr:
                log = create_output_file(output_path, display_name=f"{given.get('display_name')}.{table}", extension="log")
                with open(log.path, "w", encoding="utf-8") as file:
                    file.write(ended.stderr)
                logs.append(log.to_dict())
    # Where the task before this one had nothing to hand on, neither has this one; that is no failure of the workflow.
    if given_files and not outputs:
        raise RuntimeError("; ".join(problems))
    return create_task_result(
        output_files=outputs,
        workflow_id=workflow_id,
        task_files=logs,
        command=f"{salvor} TABLE IMAGE --format {form}",
        meta={"problems": problems},
    )
