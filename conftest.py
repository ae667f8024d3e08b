"""Makes pytester available to the plugin's end-to-end tests; pytest wants this in the root conftest."""

pytest_plugins = ["pytester"]
