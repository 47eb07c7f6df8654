"""Runs the Python shims of deploy/ as their frameworks do. Usage: contract.py openrelik|cortex FOLDER IMAGE SALVOR"""

import base64
import json
import os
import sys

what, folder, image, salvor = sys.argv[1:5]
deploy = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "deploy")

if what == "openrelik":
    os.environ["REDIS_URL"] = "memory://"
    os.environ["SALVOR"] = salvor
    sys.path.insert(0, os.path.join(deploy, "openrelik"))
    from src.tasks import TASK_METADATA, TASK_NAME, celery, command

    assert celery.tasks[TASK_NAME].metadata is TASK_METADATA
    given = [{"id": 7, "display_name": "memory.lime", "path": image}]
    config = {"tables": "info, processes", "format": "timesketch"}
    encoded = command(input_files=given, output_path=folder, workflow_id="w-1", task_config=config)
    result = json.loads(base64.b64decode(encoded))
    refused = []
    for bad in ({"tables": "--plugin=x"}, {"format": "../x"}):
        try:
            command(input_files=given, output_path=folder, workflow_id="w", task_config=bad)
        except ValueError as error:
            refused.append(str(error))
    try:
        nothing = [{"id": 8, "display_name": "x", "path": os.path.join(folder, "none")}]
        command(input_files=nothing, output_path=folder, workflow_id="w", task_config={"tables": "info"})
    except RuntimeError as error:
        refused.append(str(error))
    # What one task answers, the next one takes; and where it is nothing, that is no failure.
    from openrelik_worker_common.task_utils import create_task_result, get_input_files

    nothing = create_task_result(output_files=[], workflow_id="w-1")
    empty = json.loads(base64.b64decode(command(pipe_result=nothing, output_path=folder, workflow_id="w-1")))
    known = len(get_input_files(encoded, []))
    print(json.dumps({"result": result, "refused": refused, "next": known, "empty": empty["output_files"], "form": TASK_METADATA}))
else:
    os.makedirs(os.path.join(folder, "input"))
    if image != "none":
        os.symlink(image, os.path.join(folder, "input", "attached"))
    job = {"dataType": "file", "file": "attached", "filename": "memory.lime", "config": {"salvor": salvor, "timeout": 600}}
    with open(os.path.join(folder, "input", "input.json"), "w", encoding="utf-8") as file:
        json.dump(job, file)
    sys.path.insert(0, os.path.join(deploy, "cortex", "Salvor"))
    sys.argv = ["salvor_analyzer.py", folder]
    from salvor_analyzer import SalvorAnalyzer

    try:
        SalvorAnalyzer().run()
    except SystemExit:
        pass
    with open(os.path.join(folder, "output", "output.json"), encoding="utf-8") as file:
        print(file.read())
