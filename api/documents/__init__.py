"""What answers look like: for the OpenAPI pages, and for the tests that hold answers to them."""
