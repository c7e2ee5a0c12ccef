"""The provisioner that the kernelspec names: starts the kernel as jupyter_client does it anyway, and takes
care that whoever executes a notebook with it hands over the notebook's parameters."""

from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from . import parameters


class Provisioner(LocalProvisioner):
    """A local provisioner whose clients know the notebook's parameters."""

    async def pre_launch(self, **options):
        launch = await super().pre_launch(**options)
        try:
            parameters.attend(self.parent)
        except Exception as problem:  # Whatever it is, the kernel starts.
            parameters.give_up(problem)
        return launch
