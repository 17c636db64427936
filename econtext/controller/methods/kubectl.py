"""Launch of a slave in a pod of Kubernetes."""

from collections.abc import Sequence

from econtext.boot import first_stage
from econtext.controller.launch import Launch


def launch(
    pod: str,
    container: str | None = None,
    namespace: str | None = None,
    python: str | None = None,
    kubectl_args: Sequence[str] = (),
) -> Launch:
    """Return the launch of a slave in a pod, in its default container if None is named.

    `kubectl_args` are options of kubectl itself: a context, a configuration.
    """
    argv = ["kubectl", *kubectl_args]
    argv += [] if namespace is None else ["-n", namespace]
    argv += ["exec", "-i", pod]
    argv += [] if container is None else ["-c", container]
    argv += ["--", *first_stage.in_shell(python)]
    return Launch(f"kubectl.{pod}", tuple(argv), is_network=True)
