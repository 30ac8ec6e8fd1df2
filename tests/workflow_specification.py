"""What the workflows are to be: when they run, what they may do, what they get. Read like a specification.

Commands, pins and linting are the business of tests/integration/test_workflows.py, which holds the files to this.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from workflow_form import Job, Workflow

MANUAL = {"workflow_dispatch": None}
WHEELS = {"PIP_EXTRA_INDEX_URL": "https://download.pytorch.org/whl/cpu"}
READ = {"contents": "read"}
OWN_TOKEN = {"GITHUB_TOKEN": "${{ github.token }}"}
PYTHON = {"python-version": "3.11"}
PIP_CACHE = {"cache": "pip", "cache-dependency-path": "pyproject.toml"}

CI = Workflow(
    on={"pull_request": None, "push": {"branches": ["main"]}},
    may=READ,
    group="ci-${{ github.ref }}",
    cancels=True,
    jobs={
        "test": Job(
            may=None,
            matrix={"python": ["3.11", "3.13"]},
            variables=WHEELS,
            inputs={"actions/setup-python": {"python-version": "${{ matrix.python }}"} | PIP_CACHE},
        )
    },
)

REVIEW = 'python -m leaderboard review --base HEAD^1 --measured measured --model "$MODEL" --summary'
LEADERBOARD = Workflow(
    on={"pull_request": {"branches": ["main"]}},
    group="leaderboard-${{ github.event.pull_request.number }}",
    cancels=True,
    variables=WHEELS,
    jobs={
        "changed": Job(
            may=READ,
            depth=2,
            installs="",
            outputs={"open": "${{ steps.changed.outputs.open }}"},
            ids=("changed",),
            inputs={"actions/setup-python": PYTHON | PIP_CACHE},
        ),
        "check": Job(may=READ, depth=2, installs="", inputs={"actions/setup-python": PYTHON | PIP_CACHE}),
        "measure": Job(
            may=READ,
            depth=2,
            installs="networks,open-clip,lite,test",
            needs="changed",
            when="needs.changed.outputs.open != '[]'",
            matrix={"model": "${{ fromJSON(needs.changed.outputs.open) }}"},
            variables={
                "MODEL": "${{ matrix.model }}",
                "HF_HOME": "${{ github.workspace }}/.cache/hub",
                "LEADERBOARD_CACHE": "${{ github.workspace }}/.cache/leaderboard",
            },
            conditions={REVIEW: "always()", "actions/upload-artifact": "always()"},
            inputs={
                "actions/setup-python": PYTHON | PIP_CACHE,
                "actions/cache": {
                    "path": ".cache/hub\n.cache/leaderboard/weights\n.cache/leaderboard/datasets\n",
                    "key": "weights-${{ matrix.model }}-${{ hashFiles('models.yaml') }}",
                    "restore-keys": "weights-${{ matrix.model }}-",
                },
                "actions/upload-artifact": {
                    "name": "measured-${{ matrix.model }}",
                    "path": "measured/",
                    "if-no-files-found": "ignore",
                    "retention-days": 14,
                },
            },
        ),
    },
)

RUN = "github.event.workflow_run"
COMMENT = Workflow(
    on={"workflow_run": {"workflows": ["leaderboard"], "types": ["completed"]}},
    group=f"comment-${{{{ {RUN}.head_repository.full_name }}}}-${{{{ {RUN}.head_branch }}}}",
    cancels=False,
    jobs={
        "comment": Job(
            may={"contents": "read", "actions": "read", "pull-requests": "write"},
            depth=0,
            installs="github",
            when=f"{RUN}.event == 'pull_request' && contains(fromJSON('[\"success\", \"failure\"]'), {RUN}.conclusion)",
            given={
                'python -m leaderboard comment --run-id "$RUN_ID"': {"RUN_ID": f"${{{{ {RUN}.id }}}}"} | OWN_TOKEN,
            },
            inputs={"actions/setup-python": PYTHON},
        )
    },
)

PUBLISHED_PATHS = ["models.yaml", "datasets.yaml", "leaderboard/**", "README.md", ".github/workflows/publish.yml"]
PUBLISH = Workflow(
    on={"push": {"branches": ["main"], "paths": PUBLISHED_PATHS}} | MANUAL,
    group="publish",
    cancels=False,
    jobs={
        "publish": Job(
            may={"contents": "write"},
            depth=0,
            installs="site",
            given={"python -m leaderboard publish --push": OWN_TOKEN},
            inputs={"actions/setup-python": PYTHON, "actions/upload-pages-artifact": {"path": "site"}},
        ),
        "pages": Job(
            may={"pages": "write", "id-token": "write"},
            depth=None,
            needs="publish",
            environment={"name": "github-pages", "url": "${{ steps.deploy.outputs.page_url }}"},
            ids=("deploy",),
        ),
    },
)

MODEL_INPUT = {"description": "The id of a model of models.yaml on main", "required": True, "type": "string"}
GATED = Workflow(
    on={"workflow_dispatch": {"inputs": {"model": MODEL_INPUT}}},
    group="gated-${{ inputs.model }}",
    cancels=False,
    variables=WHEELS,
    jobs={
        "measure": Job(
            may={"contents": "write"},
            depth=0,
            installs="networks,open-clip,test",
            when="github.ref == 'refs/heads/main'",
            environment="gated-models",
            conditions={"actions/upload-artifact": "always()"},
            given={
                'python -m pytest tests/bench --model "$MODEL" --require-measured': {
                    "MODEL": "${{ inputs.model }}",
                    "HF_TOKEN": "${{ secrets.HF_TOKEN }}",
                },
                "python -m leaderboard publish --push": OWN_TOKEN,
            },
            inputs={
                "actions/setup-python": PYTHON,
                "actions/upload-artifact": {
                    "name": "results-${{ inputs.model }}",
                    "path": "leaderboard/results/",
                    "if-no-files-found": "ignore",
                    "retention-days": 14,
                },
            },
        )
    },
)

WEEKLY = Workflow(
    on={"schedule": [{"cron": "17 4 * * 1"}]} | MANUAL,
    group="weekly",
    cancels=False,
    variables=WHEELS,
    jobs={
        "watch": Job(
            may={"contents": "read", "issues": "write"},
            installs="networks,open-clip,lite,github",
            given={"python -m leaderboard watch --issue": OWN_TOKEN},
            inputs={"actions/setup-python": PYTHON},
        )
    },
)

SPECIFICATION: Mapping[str, Workflow] = MappingProxyType(
    {
        "ci": CI,
        "comment": COMMENT,
        "gated": GATED,
        "leaderboard": LEADERBOARD,
        "publish": PUBLISH,
        "weekly": WEEKLY,
    }
)
