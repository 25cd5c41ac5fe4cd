# SPDX-License-Identifier: MIT OR Apache-2.0
"""Holds a file of boards/lava against LAVA's own schema, and what it names against the repository."""

import sys
from pathlib import Path

import yaml
from lava_common import schemas
from lava_common.schemas.test import testdef

repository, file = map(Path, sys.argv[1:])
data = yaml.safe_load(file.read_text())
if "job_name" not in data:
    testdef.validate(data)
    sys.exit()
schemas.validate(data)
paths = [
    definition["path"]
    for action in data["actions"]
    for definition in action.get("test", {}).get("definitions", [])
]
lost = [path for path in paths if not (repository / path).is_file()]
if lost or not paths:
    sys.exit(f"{file.name}: its tests are {paths}, of which there are not: {lost}")
